-- The products of OpenCart, one row each.
SELECT
    p.product_id AS item_id,
    -- In the shop's language, else in any.
    COALESCE(
        (SELECT MIN(n.name) FROM `${prefix}product_description` AS n WHERE n.product_id = p.product_id AND n.language_id = ${language_id} AND n.name <> ''),
        (SELECT MIN(n.name) FROM `${prefix}product_description` AS n WHERE n.product_id = p.product_id AND n.name <> ''),
        CONCAT('Product ', p.product_id)
    ) AS name,
    -- Switched on, on sale already, and in the store.
    CASE
        WHEN p.status = 1
            AND p.date_available <= CURRENT_DATE
            AND EXISTS (
                SELECT 1 FROM `${prefix}product_to_store` AS s
                WHERE s.product_id = p.product_id
                  -- [if store_id]
                  AND s.store_id = ${store_id}
                  -- [end]
            )
            -- [if in_stock_only]
            AND (
                p.quantity > 0
                OR (SELECT MAX(g.value) FROM `${prefix}setting` AS g WHERE g.`key` = 'config_stock_checkout' AND g.store_id = 0) = '1'
            )
            -- [end]
        THEN 1
        ELSE 0
    END AS sellable
FROM `${prefix}product` AS p
-- [if masters]
-- Variants belong to their master.
WHERE p.master_id = 0
-- [end]
