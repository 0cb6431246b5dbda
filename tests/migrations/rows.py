"""What stood in each table when its migration was the newest: SQL as it was, never changed.

By revision; a migration that is released is given rows here, of every table that it makes.
"""

from typing import Final

_AT: Final = "timestamptz '2026-11-01 12:00:00Z'"
_LEDGER: Final = (
    "INSERT INTO {0}.shard (shard, epoch, cluster_id, owner) VALUES (1, 7, 'kafka-a', 'host:1')",
    f"INSERT INTO {{0}}.shard_offset VALUES (1, 'slo.metrics.v1', 4711, {_AT})",
)
_OUTBOX: Final = (
    """INSERT INTO {0}.outbox (dedup_key, topic, key, value, headers)
    VALUES ('a-key', 'slo.catalog.v1', 'service/1', '{{}}', '{{"correlation_id": "abc"}}')""",
)
_DEAD_LETTER: Final = (
    f"""INSERT INTO {{0}}.dead_letter VALUES ('letter', {_AT}, 'invalid', 'service', 'too long',
    'slo.metrics.v1', 1, 4711, {_AT}, 'key', 'value', 5, 'abc')""",
)


def _in(schema: str, *statements: str) -> tuple[str, ...]:
    return tuple(statement.format(schema) for statement in statements)


ROWS: Final[dict[str, tuple[str, ...]]] = {
    "0001_catalog": (
        """INSERT INTO catalog.services (name, tier, owner, description)
        VALUES ('checkout', 1, 'payments', 'takes the money')""",
        """INSERT INTO catalog.services (name, tier, owner, retired_at)
        VALUES ('cart', 3, 'shop', now())""",
        """INSERT INTO catalog.slo_targets
        (service_id, name, sli_type, objective, window_days, min_bad_events)
        VALUES (1, 'main', 'availability', 0.9995, 30, 3)""",
        """INSERT INTO catalog.slo_targets
        (service_id, name, sli_type, objective, window_days, threshold_seconds)
        VALUES (1, 'fast', 'latency', 0.99, 7, 0.25)""",
        *_in("catalog", *_OUTBOX),
    ),
    "0002_burnrate": (
        *_in("burnrate", *_LEDGER, *_OUTBOX),
        f"INSERT INTO burnrate.service VALUES ('checkout', 1, 0, {_AT}, 5, 1, 2, 3)",
        f"INSERT INTO burnrate.count_block VALUES (1, 60, {_AT}, decode(repeat('0a', 24), 'hex'))",
        f"""INSERT INTO burnrate.latency
        VALUES (60, 'checkout', {_AT}, ARRAY[0.1, 0.5], ARRAY[5, 3, 2])""",
        f"""INSERT INTO burnrate.mark (shard, hour, marks)
        VALUES (1, {_AT}, decode(repeat('0b', 20), 'hex'))""",
        "INSERT INTO burnrate.import_line VALUES (1, 'sha', 'lane', 99)",
        f"INSERT INTO burnrate.snapshot VALUES ('checkout', 1, 7, {_AT}, '{{\"slos\": []}}')",
    ),
    "0003_forecast": (
        *_in("forecast", *_LEDGER),
        f"INSERT INTO forecast.forecast VALUES ('checkout', 1, 7, {_AT}, '{{\"p50\": 1.5}}')",
    ),
    "0004_gate": (
        *_in("gate", *_LEDGER, *_OUTBOX),
        f"INSERT INTO gate.policy VALUES ('hash', 'default', '{{\"tiers\": {{}}}}', {_AT})",
        f"""INSERT INTO gate.decision
        VALUES ('01A', 'checkout', 1, 7, {_AT}, 'hash', '{{"decision": "ALLOW"}}', '{{}}')""",
        f"INSERT INTO gate.standing VALUES ('checkout', 1, 7, {_AT}, '01A')",
        f"""INSERT INTO gate.changes VALUES ('identity', 'checkout', {_AT}, 'deploy', '1.42.0',
        'ana', '', 'a note', 'ci', 'run-1', {_AT})""",
        f"""INSERT INTO catalog.overrides (service_name, decision, actor, reason, created_at,
        expires_at, max_uses, state) VALUES ('checkout', 'ALLOW', 'ana', 'a hot fix for the tills',
        {_AT}, {_AT} + interval '1 hour', 2, 'active')""",
        """INSERT INTO catalog.policies (name, hash, document)
        VALUES ('payments', 'hash', '{"name":  "payments"}')""",
        f"""INSERT INTO catalog.audit
        VALUES (1, {_AT}, 'ana', 'override.added', 'override/1', 'checkout', '{{"a":  1}}',
        'before', 'after')""",
    ),
    "0005_alerts": (
        *_in("alerts", *_LEDGER, *_OUTBOX),
        """INSERT INTO catalog.alert_rules (name, document)
        VALUES ('burn-rate-page', '{"kind": "burn_rate"}')""",
        f"""INSERT INTO catalog.silences (matchers, starts_at, ends_at, created_by, comment)
        VALUES ('[]', {_AT}, {_AT} + interval '1 hour', 'ana', 'planned work')""",
        """INSERT INTO catalog.channels (name, kind, secrets)
        VALUES ('hook', 'webhook', '{"url": "http://127.0.0.1/hook"}')""",
        """INSERT INTO catalog.acknowledgements (episode_id, version, actor, comment)
        VALUES (1, 1, 'ana', 'on it')""",
        """INSERT INTO alerts.condition VALUES ('checkout', 'burn-rate-page', 1, '{"level": 1}')""",
        f"""INSERT INTO alerts.episode (shard, service_name, rule, dedup_key, state, version, level,
        severity, message, labels, annotations, started_at, updated_at, channels)
        VALUES (1, 'checkout', 'burn-rate-page', 'key', 'firing', 1, 1, 'page', 'It burns.',
        '{{"service": "checkout"}}', '{{}}', {_AT}, {_AT}, '{{simulated}}')""",
        f"""INSERT INTO alerts.transition (episode_id, version, kind, at, actor, reason)
        VALUES (1, 1, 'firing', {_AT}, 'burnline', '')""",
        """INSERT INTO alerts.notification (notice_key, channel, group_key, episode_ids, payload)
        VALUES ('notice', 'hook', 'group', '{1}', '{"alerts": []}')""",
        f"INSERT INTO alerts.repeated VALUES ('hook', {_AT})",
        f"""INSERT INTO alerts.attempt (notification_id, number, started_at)
        VALUES (1, 1, {_AT})""",
    ),
    "0006_api_keys": (
        f"""INSERT INTO catalog.api_keys (id, name, scopes, secrets, created_by, created_at)
        VALUES ('0123456789ab', 'ci', '{{events:write}}', '[{{"hash": "a"}}]', 'ana', {_AT})""",
    ),
    "0007_dead_letters": (
        *_in("burnrate", *_DEAD_LETTER),
        *_in("gate", *_DEAD_LETTER),
        f"INSERT INTO catalog.dead_letter_replay VALUES ('letter', {_AT}, 'ana', false)",
    ),
}
