// What a client is given: a service, where to deliver to, and the data of an event of
// a robot of its own.
export interface Service {
  url: string;
  token: string;
  sink: string;
  robot: string;
  data: Record<string, unknown>;
}

// What it sees, by the step of the conversation of package matrix.
export type Saw = Record<string, string>;

export const again = () => new Promise((resolve) => setTimeout(resolve, 50));
