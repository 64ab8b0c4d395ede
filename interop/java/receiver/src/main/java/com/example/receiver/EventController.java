package com.example.receiver;

import io.github.runhooks.CanonicalGroup;
import io.github.runhooks.CanonicalRun;
import io.github.runhooks.CanonicalRunEvent;
import io.github.runhooks.Parsed;
import io.github.runhooks.Runhooks;
import io.github.runhooks.VerificationException;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.Map;
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

/** Takes the events of all robots at one URL. */
@RestController
class EventController {
    private static final Logger log = LoggerFactory.getLogger(EventController.class);
    private static final int MAX_BODY = 64 << 20;

    private final String secret;

    EventController(@Value("${RUNHOOKS_SECRET}") String secret) {
        this.secret = secret;
        Runhooks.parse("{}"); // starts the module, so that no event waits for it
    }

    /** Answers fast: a sender that waits too long tries again. Put work that takes time on a queue. */
    @PostMapping("/events")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void receive(@RequestHeader MultiValueMap<String, String> headers, HttpServletRequest request) throws IOException {
        byte[] body = request.getInputStream().readNBytes(MAX_BODY + 1);
        if (body.length > MAX_BODY) {
            throw new ResponseStatusException(HttpStatus.CONTENT_TOO_LARGE);
        }
        String id;
        try {
            id = Runhooks.verify(headers, body, secret).id();
        } catch (VerificationException e) {
            throw new ResponseStatusException(HttpStatus.UNAUTHORIZED, e.getMessage(), e);
        }
        Parsed parsed = Runhooks.parse(body);
        if (parsed.event() != null) {
            handle(id, parsed.event());
        } else if (isOther(parsed)) {
            log.info("{}: nobody here wants {}", id, parsed.eventType());
        } else {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST, parsed.findings().get(0).message());
        }
    }

    /** Events of other types may come to the same URL. To refuse them only makes the sender try again. */
    private static boolean isOther(Parsed parsed) {
        return parsed.findings().size() == 1
                && parsed.findings().get(0).code().equals("event.type-unknown")
                && !parsed.eventType().isEmpty();
    }

    /** An event comes at least once: keep the ids that you have seen, and do nothing for a known one. */
    private void handle(String id, CanonicalRunEvent event) {
        CanonicalRun run = event.getRun();
        log.info("{}: {}: run {} of {}: {}", id, event.getType(), run.getId(), run.getRobotName(), run.getStatus());
        for (CanonicalGroup list : event.getLists()) {
            for (Map<String, String> row : list.getRows()) {
                log.info("{}: {}", list.getName(), row);
            }
        }
        if (event.getError() != null) {
            log.warn("{}: {}", run.getRobotName(), event.getError().getMessage());
        }
    }
}
