import createClient from "openapi-fetch";
import { again, type Saw, type Service } from "./service.js";
import type { paths } from "./types.js";

export async function converse({ url, token, sink, robot, data }: Service, saw: Saw): Promise<void> {
  const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });
  const endpoint = await client.POST("/v1/endpoints", { body: { robot_id: robot, url: sink, events: ["run_completed"] } });
  if (endpoint.error) throw new Error(endpoint.error.detail);
  saw["endpoint"] = endpoint.data.state;
  saw["secret"] = endpoint.data.secret?.slice(0, 6) ?? "";

  const published = await client.POST("/v1/events", { body: { event_type: "run_completed", data } });
  if (published.error) throw new Error(published.error.detail);
  saw["published"] = `${published.data.deliveries}`;

  for (let state = "pending"; state === "pending"; await again()) {
    const page = await client.GET("/v1/deliveries", { params: { query: { robot_id: robot } } });
    if (page.error) throw new Error(page.error.detail);
    state = page.data.items.find(({ event_id }) => event_id === published.data.event_id)?.state ?? state;
    saw["delivery"] = state;
  }

  const { run_id, ...rest } = data;
  const { error: problem } = await client.POST("/v1/events", { body: { event_type: "run_completed", data: rest } });
  const finding = problem?.findings?.[0];
  if (!finding) throw new Error(`no finding without the run_id ${run_id}`);
  saw["problem"] = `${problem.status} ${problem.type}`;
  saw["finding"] = `${finding.severity} ${finding.code} ${finding.pointer}`;
}
