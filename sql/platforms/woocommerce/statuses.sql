-- The orders of each status, for `recommend check`: which of them are read as sales.
SELECT
    o.status,
    COUNT(*) AS orders,
    CASE WHEN o.status IN (${statuses}) THEN 1 ELSE 0 END AS counted
-- [if not posts]
FROM `${prefix}wc_orders` AS o
WHERE o.type = 'shop_order' AND o.date_created_gmt >= :since AND o.status NOT IN ('trash', 'auto-draft')
-- [end]
-- [if posts]
FROM (
    SELECT post_status AS status FROM `${prefix}posts`
    WHERE post_type = 'shop_order' AND post_date_gmt >= :since AND post_status NOT IN ('trash', 'auto-draft')
) AS o
-- [end]
GROUP BY o.status
