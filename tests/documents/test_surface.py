"""What is compared between two commits holds every kind of thing that others rely on."""

from tests.documents.surface import without_servers


def test_the_surface_holds_something_of_each_kind() -> None:
    found = without_servers()
    assert "/api/services" in found["openapi"]["api_gateway"]["paths"]
    assert "/v1/events" in found["openapi"]["ingest"]["paths"]
    assert "slo.metrics.v1" in found["asyncapi"]["channels"]
    assert "slo.metrics.v1" in {topic["name"] for topic in found["topics"]}
    assert "metric_event.schema.json" in found["json schemas"]
    assert found["metrics"]["burnline_dead_letters"]["labels"] == ("topic", "code")
    assert "burnline_slo_objective_ratio" in found["metrics"]
    assert found["commands"]["commands"]["gate"]["commands"]["check"]["parameters"]
    assert found["environment"]["KAFKA_BOOTSTRAP_SERVERS"]
    assert "BURNLINE_URL" in found["environment read directly"]["burnline"]
    assert {"1", "3", "5"} <= {*found["exit codes"]["burnline"]}


def test_texts_for_people_are_no_part_of_it() -> None:
    found = without_servers()
    assert "summary" not in found["openapi"]["api_gateway"]["paths"]["/api/services"]["get"]
    assert (
        "description"
        in (found["openapi"]["api_gateway"]["components"]["schemas"]["ServiceUpdate"]["properties"])
    )
