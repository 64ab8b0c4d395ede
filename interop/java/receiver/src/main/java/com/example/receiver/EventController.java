package com.example.receiver;

import com.example.receiver.model.RunCompleted;
import com.example.receiver.model.RunEvent;
import com.example.receiver.model.RunFailed;
import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import com.standardwebhooks.Webhook;
import com.standardwebhooks.exceptions.WebhookVerificationException;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.http.HttpStatus;
import org.springframework.util.MultiValueMap;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Takes the events of all robots at one URL. */
@RestController
class EventController {
    private static final Logger log = LoggerFactory.getLogger(EventController.class);
    private static final int MAX_BODY = 32 << 20;

    private final Webhook webhook;
    private final JsonMapper json;
    private final Schema documented = schema("/run-event.json");
    private final Schema observed = schema("/observed-run-event.json");

    EventController(@Value("${RUNHOOKS_SECRET}") String secret, JsonMapper json) {
        this.webhook = new Webhook(secret);
        this.json = json;
    }

    /** Answers fast: a sender that waits too long tries again. Put work that takes time on a queue. */
    @PostMapping("/events")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void receive(@RequestHeader MultiValueMap<String, String> headers, HttpServletRequest request) throws IOException {
        byte[] body = request.getInputStream().readNBytes(MAX_BODY + 1);
        if (body.length > MAX_BODY) {
            throw new ResponseStatusException(HttpStatus.CONTENT_TOO_LARGE);
        }
        String payload = new String(body, StandardCharsets.UTF_8);
        verify(payload, headers);

        JsonNode event;
        List<Error> errors;
        try {
            event = json.readTree(payload);
            errors = observed.validate(event);
        } catch (JacksonException e) {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST, "The body is not JSON that can be read.", e);
        }
        if (!errors.isEmpty()) {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST, errors.get(0).toString());
        }
        dispatch(request.getHeader("webhook-id"), event);
    }

    /** Servers send more than what is documented: that is taken as plain JSON, and never answered with an error. */
    private void dispatch(String id, JsonNode event) {
        if (!documented.validate(event).isEmpty()) {
            handleUntyped(id, event);
            return;
        }
        RunEvent typed;
        try {
            typed = json.treeToValue(event, RunEvent.class);
        } catch (JacksonException e) {
            handleUntyped(id, event); // What Java's types can't hold, such as a leap second.
            return;
        }
        handle(id, typed);
    }

    /** The library wants text. Bytes that are no UTF-8 become other bytes, so their signature doesn't match. */
    private void verify(String payload, MultiValueMap<String, String> headers) {
        try {
            webhook.verify(payload, HttpHeaders.of(headers, (name, value) -> true));
        } catch (WebhookVerificationException e) {
            throw new ResponseStatusException(HttpStatus.UNAUTHORIZED, e.getMessage(), e);
        }
    }

    /** An event comes at least once: keep the ids that you have seen, and do nothing for a known one. */
    private void handle(String id, RunEvent event) {
        if (event instanceof RunCompleted completed) {
            log.info("{}: run {} of {} ended: {}", id, completed.getData().getRunId(),
                    completed.getData().getRobotName(), completed.getData().getStatus());
        } else if (event instanceof RunFailed failed) {
            log.info("{}: run {} of {} failed: {}", id, failed.getData().getRunId(),
                    failed.getData().getRobotName(), failed.getData().getError().getMessage());
        }
    }

    private void handleUntyped(String id, JsonNode event) {
        log.info("{}: {} as plain JSON: {}", id, event.path("event_type").asString(), event.path("data"));
    }

    private static Schema schema(String resource) {
        SchemaRegistryConfig config = SchemaRegistryConfig.builder().formatAssertionsEnabled(true).build();
        SchemaRegistry registry = SchemaRegistry.withDefaultDialect(
                SpecificationVersion.DRAFT_2020_12, builder -> builder.schemaRegistryConfig(config));
        try (InputStream in = EventController.class.getResourceAsStream(resource)) {
            return registry.getSchema(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
