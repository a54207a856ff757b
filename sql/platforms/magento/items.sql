-- The products of Magento, one row each. An attribute has a value for all stores (store 0) and maybe one for a store.
SELECT
    p.entity_id AS item_id,
    -- Where none has one its number, of another table: their collations may differ, so one is named.
    COALESCE(CONVERT(MAX(CASE WHEN n.store_id = ${store_id} THEN n.value END) USING utf8mb4) COLLATE utf8mb4_bin, CONVERT(MAX(CASE WHEN n.store_id = 0 THEN n.value END) USING utf8mb4) COLLATE utf8mb4_bin, CONVERT(p.sku USING utf8mb4) COLLATE utf8mb4_bin) AS name,
    -- [if categories]
    -- Magento knows no main category: of several the one that was made first, but for the roots of stores.
    (
        SELECT v.value
        FROM `${prefix}catalog_category_product` AS r
        JOIN `${prefix}catalog_category_entity` AS c ON c.entity_id = r.category_id AND c.level > 1
        -- [if not row_id]
        JOIN `${prefix}catalog_category_entity_varchar` AS v ON v.entity_id = c.entity_id
        -- [end]
        -- [if row_id]
        JOIN `${prefix}catalog_category_entity_varchar` AS v ON v.row_id = c.row_id
        -- [end]
        JOIN `${prefix}eav_attribute` AS a ON a.attribute_id = v.attribute_id AND a.attribute_code = 'name'
        JOIN `${prefix}eav_entity_type` AS t ON t.entity_type_id = a.entity_type_id AND t.entity_type_code = 'catalog_category'
        WHERE r.product_id = p.entity_id AND v.store_id IN (0, ${store_id}) AND v.value <> ''
        ORDER BY r.category_id, v.store_id DESC
        LIMIT 1
    ) AS category,
    -- [end]
    -- [if brands]
    -- Of Magento's own attribute; where the shop has one of its own, such as `brand`, put its code in.
    (
        SELECT o.value
        FROM `${prefix}catalog_product_entity_int` AS v
        JOIN `${prefix}eav_attribute` AS a ON a.attribute_id = v.attribute_id AND a.attribute_code = 'manufacturer'
        JOIN `${prefix}eav_entity_type` AS t ON t.entity_type_id = a.entity_type_id AND t.entity_type_code = 'catalog_product'
        JOIN `${prefix}eav_attribute_option_value` AS o ON o.option_id = v.value AND o.store_id IN (0, ${store_id})
        -- [if not row_id]
        WHERE v.entity_id = p.entity_id
        -- [end]
        -- [if row_id]
        WHERE v.row_id = p.row_id
        -- [end]
          AND v.store_id IN (0, ${store_id})
        ORDER BY v.store_id DESC, o.store_id DESC
        LIMIT 1
    ) AS brand,
    -- [end]
    -- [if prices]
    COALESCE(
        -- [if price_index]
        -- What a visitor is asked now, of variants the least; with tax or without as the shop enters its prices.
        (
            SELECT MIN(i.min_price)
            FROM `${prefix}catalog_product_index_price` AS i
            -- [if store_id]
            JOIN `${prefix}store` AS s ON s.website_id = i.website_id AND s.store_id = ${store_id}
            -- [end]
            WHERE i.entity_id = p.entity_id AND i.customer_group_id = 0
        ),
        -- [end]
        -- What was entered.
        (
            SELECT COALESCE(MAX(CASE WHEN v.store_id = ${store_id} THEN v.value END), MAX(CASE WHEN v.store_id = 0 THEN v.value END))
            FROM `${prefix}catalog_product_entity_decimal` AS v
            JOIN `${prefix}eav_attribute` AS a ON a.attribute_id = v.attribute_id AND a.attribute_code = 'price'
            JOIN `${prefix}eav_entity_type` AS t ON t.entity_type_id = a.entity_type_id AND t.entity_type_code = 'catalog_product'
            -- [if not row_id]
            WHERE v.entity_id = p.entity_id
            -- [end]
            -- [if row_id]
            WHERE v.row_id = p.row_id
            -- [end]
        )
    ) AS price,
    -- [end]
    -- Magento shows the product here whatever its address in words is.
    CONCAT(${site}, 'catalog/product/view/id/', p.entity_id) AS url,
    -- The base image; Magento stores its path in the folder of products' images.
    (
        SELECT CONCAT(${images}, TRIM(LEADING '/' FROM COALESCE(MAX(CASE WHEN v.store_id = ${store_id} THEN v.value END), MAX(CASE WHEN v.store_id = 0 THEN v.value END))))
        FROM `${prefix}catalog_product_entity_varchar` AS v
        JOIN `${prefix}eav_attribute` AS a ON a.attribute_id = v.attribute_id AND a.attribute_code = 'image'
        JOIN `${prefix}eav_entity_type` AS t ON t.entity_type_id = a.entity_type_id AND t.entity_type_code = 'catalog_product'
        -- [if not row_id]
        WHERE v.entity_id = p.entity_id
        -- [end]
        -- [if row_id]
        WHERE v.row_id = p.row_id
        -- [end]
          AND v.value NOT IN ('', 'no_selection')
    ) AS image_url,
    p.created_at AS added_at,
    -- Switched on (2 is off), shown by itself (1 is not), and in the website of the store.
    CASE
        WHEN (
                SELECT COALESCE(MAX(CASE WHEN v.store_id = ${store_id} THEN v.value END), MAX(CASE WHEN v.store_id = 0 THEN v.value END))
                FROM `${prefix}catalog_product_entity_int` AS v
                JOIN `${prefix}eav_attribute` AS a ON a.attribute_id = v.attribute_id AND a.attribute_code = 'status'
                JOIN `${prefix}eav_entity_type` AS t ON t.entity_type_id = a.entity_type_id AND t.entity_type_code = 'catalog_product'
                -- [if not row_id]
                WHERE v.entity_id = p.entity_id
                -- [end]
                -- [if row_id]
                WHERE v.row_id = p.row_id
                -- [end]
            ) = 1
            AND (
                SELECT COALESCE(MAX(CASE WHEN v.store_id = ${store_id} THEN v.value END), MAX(CASE WHEN v.store_id = 0 THEN v.value END))
                FROM `${prefix}catalog_product_entity_int` AS v
                JOIN `${prefix}eav_attribute` AS a ON a.attribute_id = v.attribute_id AND a.attribute_code = 'visibility'
                JOIN `${prefix}eav_entity_type` AS t ON t.entity_type_id = a.entity_type_id AND t.entity_type_code = 'catalog_product'
                -- [if not row_id]
                WHERE v.entity_id = p.entity_id
                -- [end]
                -- [if row_id]
                WHERE v.row_id = p.row_id
                -- [end]
            ) IN (2, 4)
            AND EXISTS (
                SELECT 1
                FROM `${prefix}catalog_product_website` AS w
                -- [if store_id]
                JOIN `${prefix}store` AS s ON s.website_id = w.website_id AND s.store_id = ${store_id}
                -- [end]
                WHERE w.product_id = p.entity_id
            )
            -- [if in_stock_only]
            -- Of the default stock; Magento works out here also what composite products have.
            AND EXISTS (
                SELECT 1 FROM `${prefix}cataloginventory_stock_status` AS q
                WHERE q.product_id = p.entity_id AND q.stock_status = 1
            )
            -- [end]
        THEN 1
        ELSE 0
    END AS sellable
FROM `${prefix}catalog_product_entity` AS p
LEFT JOIN (
    `${prefix}catalog_product_entity_varchar` AS n
    JOIN `${prefix}eav_attribute` AS na ON na.attribute_id = n.attribute_id AND na.attribute_code = 'name'
    JOIN `${prefix}eav_entity_type` AS nt ON nt.entity_type_id = na.entity_type_id AND nt.entity_type_code = 'catalog_product'
-- [if not row_id]
) ON n.entity_id = p.entity_id AND n.store_id IN (0, ${store_id})
GROUP BY p.entity_id, p.sku, p.created_at
-- [end]
-- [if row_id]
) ON n.row_id = p.row_id AND n.store_id IN (0, ${store_id})
GROUP BY p.entity_id, p.sku, p.created_at, p.row_id
-- [end]
