"""Has the conversation of package matrix with the service, by a generated client of it."""

import time
from typing import Any

from service import AuthenticatedClient
from service.api.deliveries import list_deliveries
from service.api.endpoints import create_endpoint
from service.api.events import publish_event
from service.models import (
    DeliveryPage,
    Endpoint,
    EndpointCreate,
    Problem,
    Publication,
    PublicationData,
    Published,
)

PATIENCE = 60  # seconds until the delivery


def converse(url: str, token: str, sink: str, robot: str, data: dict[str, Any], saw: dict[str, str]) -> None:
    client = AuthenticatedClient(base_url=url, token=token)
    endpoint = create_endpoint.sync(
        client=client, body=EndpointCreate(robot_id=robot, url=sink, events=["run_completed"])
    )
    assert isinstance(endpoint, Endpoint), endpoint
    saw["endpoint"] = endpoint.state
    saw["secret"] = str(endpoint.secret)[:6]

    published = publish_event.sync(client=client, body=publication(data))
    assert isinstance(published, Published), published
    saw["published"] = str(published.deliveries)

    until = time.monotonic() + PATIENCE
    while saw.get("delivery", "pending") == "pending" and time.monotonic() < until:
        page = list_deliveries.sync(client=client, robot_id=robot)
        assert isinstance(page, DeliveryPage), page
        saw.update({"delivery": item.state for item in page.items if item.event_id == published.event_id})
        time.sleep(0.05)

    del data["run_id"]
    problem = publish_event.sync(client=client, body=publication(data))
    assert isinstance(problem, Problem), problem
    saw["problem"] = f"{problem.status} {problem.type_}"
    assert problem.findings, problem
    finding = problem.findings[0]
    saw["finding"] = f"{finding.severity} {finding.code} {finding.pointer}"


def publication(data: dict[str, Any]) -> Publication:
    return Publication(event_type="run_completed", data=PublicationData.from_dict(data))
