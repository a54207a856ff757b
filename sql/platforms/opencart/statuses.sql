-- The orders of each status, for `recommend check`: which of them are read as sales. Those that were never confirmed
-- (status 0) are no orders.
SELECT
    COALESCE((SELECT MIN(n.name) FROM `${prefix}order_status` AS n WHERE n.order_status_id = o.order_status_id AND n.language_id = ${language_id}), CONCAT('status ', o.order_status_id)) AS status,
    COUNT(*) AS orders,
    CASE WHEN o.order_status_id IN (${statuses}) THEN 1 ELSE 0 END AS counted
FROM `${prefix}order` AS o
WHERE o.date_added >= :since
  -- [if store_id]
  AND o.store_id = ${store_id}
  -- [end]
  AND o.order_status_id > 0
GROUP BY o.order_status_id
