-- The products of PrestaShop, one row each; combinations belong to their product.
SELECT
    p.id_product AS item_id,
    -- In the shop's language, else in any.
    COALESCE(
        (
            SELECT MIN(n.name) FROM `${prefix}product_lang` AS n
            WHERE n.id_product = p.id_product AND n.id_lang = ${id_lang} AND n.name <> ''
              -- [if id_shop]
              AND n.id_shop = ${id_shop}
              -- [end]
        ),
        (SELECT MIN(n.name) FROM `${prefix}product_lang` AS n WHERE n.id_product = p.id_product AND n.name <> ''),
        CONCAT('Product ', p.id_product)
    ) AS name,
    -- [if categories]
    -- Its main category, in the shop's language, else in any.
    COALESCE(
        (
            SELECT MIN(c.name) FROM `${prefix}category_lang` AS c
            -- [if id_shop]
            WHERE c.id_category = COALESCE(o.id_category_default, p.id_category_default) AND c.id_shop = ${id_shop}
            -- [end]
            -- [if not id_shop]
            WHERE c.id_category = p.id_category_default
            -- [end]
              AND c.id_lang = ${id_lang} AND c.name <> ''
        ),
        (
            SELECT MIN(c.name) FROM `${prefix}category_lang` AS c
            -- [if id_shop]
            WHERE c.id_category = COALESCE(o.id_category_default, p.id_category_default) AND c.name <> ''
            -- [end]
            -- [if not id_shop]
            WHERE c.id_category = p.id_category_default AND c.name <> ''
            -- [end]
        )
    ) AS category,
    -- [end]
    -- [if brands]
    (SELECT b.name FROM `${prefix}manufacturer` AS b WHERE b.id_manufacturer = p.id_manufacturer) AS brand,
    -- [end]
    -- Of the combination that is shown first; as PrestaShop stores it, without tax and before discounts.
    -- [if id_shop]
    COALESCE(o.price, p.price)
    -- [end]
    -- [if not id_shop]
    p.price
    -- [end]
    -- [if combinations]
    + COALESCE(
        (
            SELECT a.price FROM `${prefix}product_attribute_shop` AS a
            WHERE a.id_product = p.id_product
              -- [if id_shop]
              AND a.id_shop = ${id_shop}
              -- [end]
              AND a.default_on = 1
            ORDER BY a.id_shop
            LIMIT 1
        ),
        0
    )
    -- [end]
    AS price,
    -- PrestaShop leads from here to the address in words.
    CONCAT(${site}, 'index.php?controller=product&id_product=', p.id_product) AS url,
    -- [if covers]
    -- The cover, as it was uploaded: its number is its path, a folder for each digit.
    (
        SELECT CONCAT(
            ${site},
            'img/p/',
            CONCAT_WS('/', SUBSTRING(i.id_image, 1, 1), NULLIF(SUBSTRING(i.id_image, 2, 1), ''), NULLIF(SUBSTRING(i.id_image, 3, 1), ''), NULLIF(SUBSTRING(i.id_image, 4, 1), ''), NULLIF(SUBSTRING(i.id_image, 5, 1), ''), NULLIF(SUBSTRING(i.id_image, 6, 1), ''), NULLIF(SUBSTRING(i.id_image, 7, 1), ''), NULLIF(SUBSTRING(i.id_image, 8, 1), '')),
            '/',
            i.id_image,
            '.jpg'
        )
        FROM `${prefix}image_shop` AS i
        WHERE i.id_product = p.id_product
          -- [if id_shop]
          AND i.id_shop = ${id_shop}
          -- [end]
          AND i.cover = 1
        ORDER BY i.id_shop
        LIMIT 1
    ) AS image_url,
    -- [end]
    CASE WHEN p.date_add > '1000-01-01' THEN p.date_add END AS added_at,
    -- Switched on, listed in the catalogue, and for sale: each shop has its own such flags.
    CASE
        WHEN p.state = 1
            AND EXISTS (
                SELECT 1 FROM `${prefix}product_shop` AS s
                WHERE s.id_product = p.id_product
                  -- [if id_shop]
                  AND s.id_shop = ${id_shop}
                  -- [end]
                  AND s.active = 1
                  AND s.available_for_order = 1
                  AND s.visibility IN ('both', 'catalog')
            )
            -- [if in_stock_only]
            -- Combination 0 has the sum of all; out_of_stock 1 takes orders without stock, 2 does as the shop says.
            AND (
                (SELECT MAX(g.value) FROM `${prefix}configuration` AS g WHERE g.name = 'PS_STOCK_MANAGEMENT' AND g.id_shop IS NULL) = '0'
                OR EXISTS (
                    SELECT 1 FROM `${prefix}stock_available` AS q
                    WHERE q.id_product = p.id_product
                      AND q.id_product_attribute = 0
                      -- [if id_shop]
                      -- Where shops share their stock it is that of shop 0.
                      AND q.id_shop IN (0, ${id_shop})
                      -- [end]
                      AND (
                          q.quantity > 0
                          OR q.out_of_stock = 1
                          OR (
                              q.out_of_stock = 2
                              AND (SELECT MAX(g.value) FROM `${prefix}configuration` AS g WHERE g.name = 'PS_ORDER_OUT_OF_STOCK' AND g.id_shop IS NULL) = '1'
                          )
                      )
                )
            )
            -- [end]
        THEN 1
        ELSE 0
    END AS sellable
FROM `${prefix}product` AS p
-- [if id_shop]
LEFT JOIN `${prefix}product_shop` AS o ON o.id_product = p.id_product AND o.id_shop = ${id_shop}
-- [end]
