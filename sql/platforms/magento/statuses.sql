-- The orders in each state, for `recommend check`: which of them are read as sales.
SELECT
    o.state AS status,
    COUNT(*) AS orders,
    CASE WHEN o.state IN (${statuses}) THEN 1 ELSE 0 END AS counted
FROM `${prefix}sales_order` AS o
WHERE o.created_at >= :since
  -- [if store_id]
  AND o.store_id = ${store_id}
  -- [end]
GROUP BY o.state
