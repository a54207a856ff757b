-- The orders by the state of their payments, for `recommend check`: which of them are read as sales.
SELECT
    o.status,
    COUNT(*) AS orders,
    o.counted
FROM (
    SELECT
        CASE WHEN os.technical_name = 'cancelled' THEN 'cancelled' ELSE COALESCE(MAX(CASE WHEN ts.technical_name IN (${statuses}) THEN ts.technical_name END), MAX(ts.technical_name), 'without a payment') END AS status,
        CASE WHEN os.technical_name <> 'cancelled' AND MAX(CASE WHEN ts.technical_name IN (${statuses}) THEN 1 END) = 1 THEN 1 ELSE 0 END AS counted
    FROM `order` AS o
    JOIN state_machine_state AS os ON os.id = o.state_id
    LEFT JOIN order_transaction AS t ON t.order_id = o.id AND t.order_version_id = o.version_id AND t.version_id = o.version_id
    LEFT JOIN state_machine_state AS ts ON ts.id = t.state_id
    WHERE o.version_id = UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425')
      AND o.order_date_time >= :since
      -- [if sales_channel_id]
      AND o.sales_channel_id = ${sales_channel_id}
      -- [end]
    GROUP BY o.id, os.technical_name
) AS o
GROUP BY o.status, o.counted
