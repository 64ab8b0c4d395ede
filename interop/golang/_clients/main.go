// Command clients reports on clients of the delivery service. Its folder is left out
// of ./... by its name, since one of the clients is there only when run.sh has
// generated it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-faster/jx"

	"github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/interop/golang/generated/ogen"
	"github.com/runhooks/runhooks/interop/matrix"
	"github.com/runhooks/runhooks/vectors"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

// run prints a report of each client. They compile, and go vet has nothing to say of
// them, since this program is run.
func run() error {
	data, err := sample()
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for _, c := range []struct {
		tool, version, note string
		// converse has the conversation of package matrix.
		converse func(ctx context.Context, robot string, data map[string]json.RawMessage, saw map[string]string) error
	}{
		{"runhooks", "(this)", "gen/service", byGenService},
		{"ogen", version("github.com/ogen-go/ogen"), "feature paths/client", byOgenClient},
	} {
		report := matrix.Report{
			Kind: matrix.Client, Tool: c.tool, Version: c.version, Input: "openapi/dist/service.yaml", Note: c.note,
			Compiles: &matrix.Answer{OK: true},
		}
		if os.Getenv("SERVICE_URL") != "" {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			robot := "golang " + c.tool
			data := maps.Clone(data)
			data["robot_id"], _ = json.Marshal(robot) // a string can be encoded
			report.Calls = map[string]string{}
			if err := c.converse(ctx, robot, data, report.Calls); err != nil {
				report.Calls["error"] = err.Error()
			}
			cancel()
		}
		if err := out.Encode(report); err != nil {
			return err
		}
	}
	return nil
}

// version returns the version of a module of this program, without v.
func version(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return "" // package matrix refuses a report without
}

// sample returns the data of the vector page.run-completed.
func sample() (map[string]json.RawMessage, error) {
	for _, v := range vectors.All() {
		if v.Name == "page.run-completed" {
			var event struct{ Data map[string]json.RawMessage }
			err := json.Unmarshal(v.Payload, &event)
			return event.Data, err
		}
	}
	return nil, fmt.Errorf("the vector page.run-completed is missing")
}

// patience is how long a conversation may take, and again how long to wait before the
// deliveries are listed once more.
const (
	patience = time.Minute
	again    = 50 * time.Millisecond
)

func byGenService(ctx context.Context, robot string, data map[string]json.RawMessage, saw map[string]string) error {
	client, err := service.NewClientWithResponses(os.Getenv("SERVICE_URL"), service.WithRequestEditorFn(
		func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+os.Getenv("SERVICE_TOKEN"))
			return nil
		}))
	if err != nil {
		return err
	}
	endpoint, err := client.CreateEndpointWithResponse(ctx, service.EndpointCreate{
		RobotID: &robot, URL: os.Getenv("SERVICE_SINK"), Events: []service.EventType{service.EventTypeRunCompleted},
	})
	if err != nil {
		return err
	}
	if endpoint.JSON201 == nil || endpoint.JSON201.Secret == nil {
		return fmt.Errorf("createEndpoint: %s", endpoint.Status())
	}
	saw["endpoint"], saw["secret"] = string(endpoint.JSON201.State), (*endpoint.JSON201.Secret)[:6]

	publish := func() (*service.PublishEventResponse, error) {
		body, _ := json.Marshal(data) // it was decoded from JSON
		return client.PublishEventWithResponse(ctx, nil, service.Publication{
			EventType: service.PublicationEventTypeRunCompleted, Data: body,
		})
	}
	published, err := publish()
	if err != nil {
		return err
	}
	if published.JSON202 == nil {
		return fmt.Errorf("publishEvent: %s", published.Status())
	}
	saw["published"] = fmt.Sprint(published.JSON202.Deliveries)

	for saw["delivery"] == "" || saw["delivery"] == string(service.DeliveryStatePending) {
		page, err := client.ListDeliveriesWithResponse(ctx, &service.ListDeliveriesParams{RobotID: &robot})
		if err != nil {
			return err
		}
		if page.JSON200 == nil {
			return fmt.Errorf("listDeliveries: %s", page.Status())
		}
		for _, d := range page.JSON200.Items {
			if d.EventID == published.JSON202.EventID {
				saw["delivery"] = string(d.State)
			}
		}
		time.Sleep(again)
	}

	delete(data, "run_id")
	refused, err := publish()
	if err != nil {
		return err
	}
	problem := refused.ApplicationProblemJSON422
	if problem == nil || problem.Status == nil || problem.Type == nil || len(problem.Findings) == 0 {
		return fmt.Errorf("publishEvent without a run_id: %s", refused.Status())
	}
	saw["problem"] = fmt.Sprint(*problem.Status, " ", *problem.Type)
	f := problem.Findings[0]
	saw["finding"] = fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Pointer)
	return nil
}

// token is what ogen's client asks for its token.
type token string

func (t token) BearerToken(context.Context, ogen.OperationName) (ogen.BearerToken, error) {
	return ogen.BearerToken{Token: string(t)}, nil
}

func byOgenClient(ctx context.Context, robot string, data map[string]json.RawMessage, saw map[string]string) error {
	client, err := ogen.NewClient(os.Getenv("SERVICE_URL"), token(os.Getenv("SERVICE_TOKEN")))
	if err != nil {
		return err
	}
	sink, err := url.Parse(os.Getenv("SERVICE_SINK"))
	if err != nil {
		return err
	}
	created, err := client.CreateEndpoint(ctx, &ogen.EndpointCreate{
		RobotID: ogen.NewOptString(robot), URL: *sink, Events: []ogen.EventType{ogen.EventTypeRunCompleted},
	})
	if err != nil {
		return err
	}
	endpoint, ok := created.(*ogen.EndpointHeaders)
	if !ok {
		return fmt.Errorf("createEndpoint: %T", created)
	}
	saw["endpoint"], saw["secret"] = string(endpoint.Response.State), endpoint.Response.Secret.Value[:6]

	publish := func() (ogen.PublishEventRes, error) {
		body := ogen.PublicationData{}
		for name, value := range data {
			body[name] = jx.Raw(value)
		}
		return client.PublishEvent(ctx, &ogen.Publication{
			EventType: ogen.PublicationEventTypeRunCompleted, Data: body,
		}, ogen.PublishEventParams{})
	}
	answer, err := publish()
	if err != nil {
		return err
	}
	published, ok := answer.(*ogen.Published)
	if !ok {
		return fmt.Errorf("publishEvent: %T", answer)
	}
	saw["published"] = fmt.Sprint(published.Deliveries)

	for saw["delivery"] == "" || saw["delivery"] == string(ogen.DeliveryStatePending) {
		answer, err := client.ListDeliveries(ctx, ogen.ListDeliveriesParams{RobotID: ogen.NewOptString(robot)})
		if err != nil {
			return err
		}
		page, ok := answer.(*ogen.DeliveryPage)
		if !ok {
			return fmt.Errorf("listDeliveries: %T", answer)
		}
		for _, d := range page.Items {
			if d.EventID == published.EventID {
				saw["delivery"] = string(d.State)
			}
		}
		time.Sleep(again)
	}

	delete(data, "run_id")
	answer, err = publish()
	if err != nil {
		return err
	}
	problem, ok := answer.(*ogen.PublishEventUnprocessableEntity)
	if !ok || len(problem.Findings) == 0 {
		return fmt.Errorf("publishEvent without a run_id: %T", answer)
	}
	saw["problem"] = fmt.Sprint(problem.Status.Value, " ", problem.Type.Value)
	f := problem.Findings[0]
	saw["finding"] = fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Pointer)
	return nil
}
