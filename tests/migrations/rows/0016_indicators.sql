INSERT INTO catalog.slo_targets
    (service_id, name, sli_type, objective, window_days, indicator)
    VALUES (1, 'payments', 'availability', 0.9995, 30, 'payments');
