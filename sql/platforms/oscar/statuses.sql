-- The orders of each status, for `recommend check`: which of them are read as sales.
SELECT
    o.status,
    COUNT(*) AS orders,
    CASE WHEN o.status IN (${statuses}) THEN 1 ELSE 0 END AS counted
FROM order_order AS o
WHERE o.date_placed >= :since
GROUP BY o.status
