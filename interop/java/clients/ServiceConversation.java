package io.github.runhooks.service;

import io.github.runhooks.interop.ServiceClient;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;

/** The conversation, by the generated client. */
public final class ServiceConversation implements ServiceClient.Conversation {
    /** How long the delivery may take. */
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    @Override
    public void with(ServiceClient.Service service, Map<String, String> saw) throws Exception {
        ApiClient client = new ApiClient();
        client.updateBaseUri(service.url());
        client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + service.token()));

        Endpoint endpoint = new EndpointsApi(client).createEndpoint(new EndpointCreate()
                .robotId(service.robot())
                .url(URI.create(service.sink()))
                .events(Set.of(EventType.RUN_COMPLETED)));
        saw.put("endpoint", endpoint.getState().getValue());
        saw.put("secret", endpoint.getSecret().substring(0, 6));

        EventsApi events = new EventsApi(client);
        Publication publication = new Publication()
                .eventType(Publication.EventTypeEnum.RUN_COMPLETED)
                .data(service.data());
        Published published = events.publishEvent(publication, null, null);
        saw.put("published", published.getDeliveries().toString());

        DeliveriesApi deliveries = new DeliveriesApi(client);
        Instant until = Instant.now().plus(PATIENCE);
        while (saw.getOrDefault("delivery", "pending").equals("pending") && Instant.now().isBefore(until)) {
            for (Delivery delivery : deliveries.listDeliveries(
                    service.robot(), null, null, null, null, null, null, null, null, null).getItems()) {
                if (delivery.getEventId().equals(published.getEventId())) {
                    saw.put("delivery", delivery.getState().getValue());
                }
            }
            Thread.sleep(50);
        }

        service.data().remove("run_id");
        try {
            events.publishEvent(publication, null, null);
        } catch (ApiException e) {
            Problem problem = client.getObjectMapper().readValue(e.getResponseBody(), Problem.class);
            saw.put("problem", problem.getStatus() + " " + problem.getType());
            Finding finding = problem.getFindings().get(0);
            saw.put("finding", finding.getSeverity().getValue() + " " + finding.getCode() + " " + finding.getPointer());
        }
    }
}
