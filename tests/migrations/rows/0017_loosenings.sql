INSERT INTO catalog.loosenings (subject, title, services, loosened, before, after, actor,
    credential, reason, loosened_at, until, state)
VALUES ('target/1', 'availability of checkout', '{checkout}',
    '[{"field": "objective", "before": "99.9%", "after": "99%"}]', '{"objective": "0.999"}',
    '{"objective": "0.99"}', 'key/ana', 'key/4f1d09c2ab37', 'agreed with the product owner', now(),
    now() + interval '24 hours', 'standing');
