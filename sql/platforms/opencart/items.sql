-- The products of OpenCart, one row each.
SELECT
    p.product_id AS item_id,
    -- In the shop's language, else in any.
    COALESCE(
        (SELECT MIN(n.name) FROM `${prefix}product_description` AS n WHERE n.product_id = p.product_id AND n.language_id = ${language_id} AND n.name <> ''),
        (SELECT MIN(n.name) FROM `${prefix}product_description` AS n WHERE n.product_id = p.product_id AND n.name <> ''),
        CONCAT('Product ', p.product_id)
    ) AS name,
    -- [if categories]
    -- OpenCart knows no main category: of several the one that was made first. OpenCart stores & as &amp;.
    COALESCE(
        (
            SELECT REPLACE(c.name, '&amp;', '&')
            FROM `${prefix}product_to_category` AS r
            JOIN `${prefix}category_description` AS c ON c.category_id = r.category_id AND c.language_id = ${language_id} AND c.name <> ''
            WHERE r.product_id = p.product_id
            ORDER BY r.category_id
            LIMIT 1
        ),
        (
            SELECT REPLACE(c.name, '&amp;', '&')
            FROM `${prefix}product_to_category` AS r
            JOIN `${prefix}category_description` AS c ON c.category_id = r.category_id AND c.name <> ''
            WHERE r.product_id = p.product_id
            ORDER BY r.category_id, c.language_id
            LIMIT 1
        )
    ) AS category,
    -- [end]
    -- [if brands]
    (SELECT REPLACE(b.name, '&amp;', '&') FROM `${prefix}manufacturer` AS b WHERE b.manufacturer_id = p.manufacturer_id) AS brand,
    -- [end]
    -- [if translated_brands]
    COALESCE(
        (SELECT REPLACE(MIN(b.name), '&amp;', '&') FROM `${prefix}manufacturer_description` AS b WHERE b.manufacturer_id = p.manufacturer_id AND b.language_id = ${language_id} AND b.name <> ''),
        (SELECT REPLACE(MIN(b.name), '&amp;', '&') FROM `${prefix}manufacturer_description` AS b WHERE b.manufacturer_id = p.manufacturer_id AND b.name <> '')
    ) AS brand,
    -- [end]
    -- As OpenCart stores it, without tax and before discounts and specials.
    p.price,
    CONCAT(${site}, 'index.php?route=product/product&product_id=', p.product_id) AS url,
    CONCAT(${site}, 'image/', NULLIF(p.image, '')) AS image_url,
    CASE WHEN p.date_added > '1000-01-01' THEN p.date_added END AS added_at,
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
