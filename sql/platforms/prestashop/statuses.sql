-- The orders in each state, for `recommend check`: which of them are read as sales.
SELECT
    COALESCE((SELECT MIN(n.name) FROM `${prefix}order_state_lang` AS n WHERE n.id_order_state = o.current_state AND n.id_lang = ${id_lang}), CONCAT('state ', o.current_state)) AS status,
    COUNT(*) AS orders,
    -- [if not statuses]
    CASE WHEN o.valid = 1 OR s.paid = 1 THEN 1 ELSE 0 END AS counted
    -- [end]
    -- [if statuses]
    CASE WHEN o.current_state IN (${statuses}) THEN 1 ELSE 0 END AS counted
    -- [end]
FROM `${prefix}orders` AS o
LEFT JOIN `${prefix}order_state` AS s ON s.id_order_state = o.current_state
WHERE o.date_add >= :since
  -- [if id_shop]
  AND o.id_shop = ${id_shop}
  -- [end]
GROUP BY o.current_state, counted
