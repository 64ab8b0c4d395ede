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
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
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
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.StreamWriteConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Takes the events of all robots at one URL. */
@RestController
class EventController {
    private static final Logger log = LoggerFactory.getLogger(EventController.class);
    private static final int MAX_BODY = 32 << 20;

    /** As strict as the contract, and as exact: a member stands once, and a number has no bounds. */
    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(1000)
                            .maxNameLength(MAX_BODY)
                            .build())
                    .streamWriteConstraints(StreamWriteConstraints.builder().maxNestingDepth(1000).build())
                    .build())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.USE_BIG_INTEGER_FOR_INTS)
            .build();

    private final Webhook webhook;
    private final Schema documented = schema("/run-event.json");
    private final Schema observed = schema("/observed-run-event.json");

    EventController(@Value("${RUNHOOKS_SECRET}") String secret) {
        this.webhook = new Webhook(secret);
    }

    /** Answers fast: a sender that waits too long tries again. Put work that takes time on a queue. */
    @PostMapping("/events")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void receive(@RequestHeader MultiValueMap<String, String> headers, HttpServletRequest request) throws IOException {
        byte[] body = request.getInputStream().readNBytes(MAX_BODY + 1);
        if (body.length > MAX_BODY) {
            throw new ResponseStatusException(HttpStatus.CONTENT_TOO_LARGE);
        }
        String payload;
        try {
            payload = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
        } catch (CharacterCodingException e) {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST, "The body is not UTF-8.", e);
        }
        verify(payload, headers);

        JsonNode event;
        List<Error> errors;
        try {
            event = parse(payload);
            errors = observed.validate(event);
        } catch (JacksonException e) {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST, "The body is not JSON that can be read.", e);
        }
        String id = request.getHeader("webhook-id");
        if (errors.isEmpty()) {
            dispatch(id, event);
        } else if (isOther(event.path("event_type"))) {
            log.info("{}: nobody here wants {}", id, event.path("event_type"));
        } else {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST, errors.get(0).toString());
        }
    }

    private static JsonNode parse(String payload) {
        JsonNode event = JSON.readTree(payload);
        // Jackson takes half a surrogate pair, such as \ud800, which is no text.
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(JSON.writeValueAsString(event))) {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST, "The body has an unpaired surrogate.");
        }
        return event;
    }

    /** Events of other types may come to the same URL. To refuse them only makes the sender try again. */
    private static boolean isOther(JsonNode eventType) {
        return eventType.isString() && !Set.of("run_completed", "run_failed", "").contains(eventType.asString());
    }

    /** Servers send more than what is documented: that is taken as plain JSON, and never answered with an error. */
    private void dispatch(String id, JsonNode event) {
        if (!documented.validate(event).isEmpty()) {
            handleUntyped(id, event);
            return;
        }
        RunEvent typed;
        try {
            typed = JSON.treeToValue(event, RunEvent.class);
        } catch (JacksonException e) {
            handleUntyped(id, event); // What Java's types can't hold, such as a leap second.
            return;
        }
        handle(id, typed);
    }

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
            return registry.getSchema(JSON.readTree(in)); // With its own reader, a minimum compares as long only.
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
