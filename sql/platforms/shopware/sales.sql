-- The sales of Shopware: a row for each product line of an order. Orders and products that are being edited have copies
-- under another version; 0FA91CE3… is the live one.
SELECT
    -- Each order of a guest has a customer of its own: the address makes them one, and one with an account.
    LOWER(HEX(CASE WHEN c.guest = 0 THEN c.id ELSE account.id END)) AS customer_id,
    -- The product of a variant. Of a removed product the number is left, as text.
    CAST(COALESCE(LOWER(HEX(p.parent_id)), LOWER(HEX(p.id)), LOWER(l.referenced_id)) AS CHAR(32)) AS item_id,
    o.order_date_time AS sold_at,
    -- [if refunds]
    l.quantity - COALESCE(refund.quantity, 0) AS quantity,
    -- [end]
    -- [if not refunds]
    l.quantity AS quantity,
    -- [end]
    -- In the order's currency; with tax or not as the order was.
    l.unit_price AS price,
    LOWER(HEX(o.id)) AS order_id,
    CASE WHEN c.guest = 0 OR account.id IS NOT NULL THEN NULL ELSE NULLIF(TRIM(oc.email), '') END AS guest_email
FROM `order` AS o
JOIN state_machine_state AS os ON os.id = o.state_id
JOIN order_line_item AS l ON l.order_id = o.id AND l.order_version_id = o.version_id AND l.version_id = UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425')
JOIN order_customer AS oc ON oc.order_id = o.id AND oc.order_version_id = o.version_id AND oc.version_id = UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425')
LEFT JOIN customer AS c ON c.id = oc.customer_id
LEFT JOIN product AS p ON p.id = l.product_id AND p.version_id = UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425')
LEFT JOIN order_line_item AS whole ON whole.id = l.parent_id AND whole.version_id = l.version_id
LEFT JOIN (
    -- Shops' tables have collations of several ages, which are not compared unless one is named.
    -- MariaDB makes no index on more of a text for the length of a query.
    SELECT SUBSTR(LOWER(TRIM(CONVERT(email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin AS address, MIN(id) AS id
    FROM customer
    WHERE guest = 0 AND email <> ''
    GROUP BY address
) AS account ON COALESCE(c.guest, 1) = 1 AND account.address = SUBSTR(LOWER(TRIM(CONVERT(oc.email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin
-- [if refunds]
LEFT JOIN (
    SELECT b.order_line_item_id, SUM(b.quantity) AS quantity
    FROM order_transaction_capture_refund_position AS b
    -- [if refund_versions]
    JOIN order_transaction_capture_refund AS r ON r.id = b.refund_id AND r.version_id = b.version_id
    -- [end]
    -- [if not refund_versions]
    JOIN order_transaction_capture_refund AS r ON r.id = b.refund_id
    -- [end]
    JOIN state_machine_state AS rs ON rs.id = r.state_id AND rs.technical_name = 'completed'
    -- [if refund_versions]
    WHERE b.version_id = UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425')
    -- [end]
    GROUP BY b.order_line_item_id
) AS refund ON refund.order_line_item_id = l.id
-- [end]
WHERE o.version_id = UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425')
  AND o.order_date_time >= :since
  -- [if sales_channel_id]
  AND o.sales_channel_id = ${sales_channel_id}
  -- [end]
  AND os.technical_name <> 'cancelled'
  -- One payment may have failed before another went through: a join would count the lines of both.
  AND EXISTS (
      SELECT 1
      FROM order_transaction AS t
      JOIN state_machine_state AS ts ON ts.id = t.state_id
      WHERE t.order_id = o.id
        AND t.order_version_id = o.version_id
        AND t.version_id = o.version_id
        AND ts.technical_name IN (${statuses})
  )
  -- No vouchers, credits and own items.
  AND l.type = 'product'
  -- The parts of a product that was bought as one.
  AND COALESCE(whole.type, '') <> 'product'
  AND COALESCE(p.id, NULLIF(l.referenced_id, '')) IS NOT NULL
  -- [if refunds]
  AND l.quantity > COALESCE(refund.quantity, 0)
  -- [end]
  -- Without an account and an address it is nobody's: one customer of all such would teach nonsense.
  AND (c.guest = 0 OR account.id IS NOT NULL OR TRIM(oc.email) <> '')
