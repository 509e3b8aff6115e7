"""What `monitor.serve()` tells: the scrape, the JSON and its description, the stream, profiles."""

import asyncio
import json
from pathlib import Path

import jsonschema
import prometheus_client.openmetrics.parser
import prometheus_client.parser
import pytest
from asking import events, get
from deadline import eventually, run, soon
from mtaio.monitoring import Profile, Profiler, ResourceMonitor


def test_the_scrape_is_what_other_programs_read() -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.05)
        monitor.histogram("request.duration", "ms", "Time.").labels(route='/a"\n\\').record(300.0)
        monitor.counter("jobs").add(2)

        @monitor.on_alert
        async def fails(_alert: object) -> None:
            raise RuntimeError("on purpose")

        async with monitor:
            await monitor.alert("look")
            await eventually(lambda: monitor.health().handler_errors == 1)
            await eventually(lambda: monitor.health().samples > 3)
            with monitor.serve() as server:
                _, plain_headers, plain = get(server, "/metrics")
                _, open_headers, open_metrics = get(server, "/metrics", Accept="application/openmetrics-text")
        assert plain_headers["content-type"].startswith("text/plain; version=0.0.4")
        assert open_headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        read = [
            list(prometheus_client.parser.text_string_to_metric_families(plain)),
            list(prometheus_client.openmetrics.parser.text_string_to_metric_families(open_metrics)),
        ]
        for families in read:
            samples = {sample.name: sample for family in families for sample in family.samples}
            assert samples["jobs_total"].value == 2
            assert samples["request_duration_seconds_sum"].value == 0.3
            assert samples["request_duration_seconds_count"].labels == {"route": '/a"\n\\'}
            assert samples["monitor_handler_errors_total"].value == 1, "counted in Python, and read without the GIL"
            assert samples["host_memory_total_bytes"].value > 1e6
            assert 0 <= samples["cpu_usage_ratio"].value <= 1

    run(main())


@pytest.mark.once
def test_the_answers_are_what_the_description_says() -> None:
    async def main() -> None:
        monitor, profiler = ResourceMonitor(interval=0.05), Profiler()
        monitor.set_threshold("queue", 5.0, critical=8.0, annotations={"runbook": "x"})
        monitor.record("queue", 9.0, labels={"shard": "1"})
        await monitor.record_metric("queue", 9.0)
        with profiler.trace_context("work"):
            pass
        async with monitor:
            await eventually(lambda: monitor.health().samples > 3)
            with monitor.serve(profiler=profiler) as server:
                described = json.loads(get(server, "/api/v1/openapi.json")[2])
                for path, operations in described["paths"].items():
                    if path == "/api/v1/stream":
                        continue
                    asked = "?expression=queue&expression=cpu_usage" if path == "/api/v1/range" else ""
                    status, headers, body = get(server, path + asked)
                    assert status == 200, path
                    content = operations["get"]["responses"]["200"]["content"]
                    known = [media for media in content if headers["content-type"].startswith(media)]
                    assert known, (path, headers)
                    schema = {**content[known[0]]["schema"], "components": described["components"]}
                    value = json.loads(body) if known[0] == "application/json" else body
                    jsonschema.Draft202012Validator(schema).validate(value)
                # It can fail.
                schema = {"$ref": "#/components/schemas/Alerts", "components": described["components"]}
                alerts = json.loads(get(server, "/api/v1/alerts")[2])
                assert len(alerts["newest"]) > 0
                alerts["newest"][0]["state"] = "unknown"
                with pytest.raises(jsonschema.ValidationError):
                    jsonschema.Draft202012Validator(schema).validate(alerts)
                state = {"$ref": "#/components/schemas/State", "components": described["components"]}
                name, data = next(events(server))
                assert name == "snapshot"
                jsonschema.Draft202012Validator(state).validate(data)
                refused = get(server, "/no/such/path")
                assert refused[0] == 404
                error = {"$ref": "#/components/schemas/Error", "components": described["components"]}
                jsonschema.Draft202012Validator(error).validate(json.loads(refused[2]))

    run(main())


def test_a_stream_tells_what_changes() -> None:
    monitor = ResourceMonitor(interval=0.1)
    monitor.record("queue", 1.0)
    with monitor.serve() as server:
        told = events(server)
        name, state = next(told)
        assert (name, state["recorded"]["queue"]["last"]) == ("snapshot", 1.0)
        monitor.record("queue", 2.0)
        name, patch = next(told)
        assert (name, patch["recorded"]["queue"]["last"]) == ("patch", 2.0)
        assert patch["metrics"]["queue"]["last"] == 2.0
        assert set(patch) == {"metrics", "recorded"}, "and nothing that has not changed"
        asyncio.run(monitor.alert("look"))
        name, alert = next(told)
        assert (name, alert["message"]) == ("alert", "look")
        soon(lambda: get(server, "/healthz")[0] == 200)
        assert server.dropped_streams == 0


def test_a_profile_is_handed_out(tmp_path: Path) -> None:
    profiler = Profiler()
    for _ in range(3):
        with profiler.trace_context("work"):
            pass
    with ResourceMonitor().serve(profiler=profiler) as server:
        status, headers, body = get(server, "/api/v1/profile?format=json")
        assert (status, headers["content-disposition"]) == (200, 'attachment; filename="profile.json"')
        saved = tmp_path / "profile.json"
        saved.write_text(body)
        assert Profile.load(saved).get_metrics("work").call_count == 3
        assert get(server, "/api/v1/profile?format=pdf")[0] == 400
    for without in (None, Profiler(enabled=False)):
        with ResourceMonitor().serve(profiler=without) as server:
            assert get(server, "/api/v1/profile")[0] == 404
