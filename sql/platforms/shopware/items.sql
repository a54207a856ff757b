-- The products of Shopware, one row each; variants belong to their product.
SELECT
    LOWER(HEX(p.id)) AS item_id,
    -- In the shop's language, else in the system's, else the number. That is of another table, whose collation may be
    -- another, so one is named.
    COALESCE(
        (
            SELECT CONVERT(MIN(n.name) USING utf8mb4) COLLATE utf8mb4_bin FROM product_translation AS n
            WHERE n.product_id = p.id AND n.product_version_id = p.version_id AND n.language_id = ${language_id} AND n.name <> ''
        ),
        (
            SELECT CONVERT(MIN(n.name) USING utf8mb4) COLLATE utf8mb4_bin FROM product_translation AS n
            WHERE n.product_id = p.id AND n.product_version_id = p.version_id
              AND n.language_id = UNHEX('2FBB5FE2E29A4D70AA5854CE7CE3E20B') AND n.name <> ''
        ),
        CONVERT(p.product_number USING utf8mb4) COLLATE utf8mb4_bin
    ) AS name,
    -- [if categories]
    -- Its main category in the sales channel, where one was chosen; else of several the one that was made first.
    (
        SELECT n.name
        FROM product_category AS r
        JOIN category AS c ON c.id = r.category_id AND c.version_id = r.category_version_id
        JOIN category_translation AS n ON n.category_id = c.id AND n.category_version_id = c.version_id
        -- [if main_categories]
        LEFT JOIN main_category AS m
            ON m.product_id = r.product_id
            AND m.product_version_id = r.product_version_id
            AND m.category_id = r.category_id
            -- [if sales_channel_id]
            AND m.sales_channel_id = ${sales_channel_id}
            -- [end]
        -- [end]
        WHERE r.product_id = p.id AND r.product_version_id = p.version_id
          AND n.language_id IN (${language_id}, UNHEX('2FBB5FE2E29A4D70AA5854CE7CE3E20B')) AND n.name <> ''
        ORDER BY
            -- [if main_categories]
            m.category_id IS NULL,
            -- [end]
            c.auto_increment, n.language_id = ${language_id} DESC
        LIMIT 1
    ) AS category,
    -- [end]
    -- [if brands]
    (
        SELECT n.name FROM product_manufacturer_translation AS n
        WHERE n.product_manufacturer_id = p.product_manufacturer_id
          AND n.product_manufacturer_version_id = p.product_manufacturer_version_id
          AND n.language_id IN (${language_id}, UNHEX('2FBB5FE2E29A4D70AA5854CE7CE3E20B')) AND n.name <> ''
        ORDER BY n.language_id = ${language_id} DESC
        LIMIT 1
    ) AS brand,
    -- [end]
    -- With tax, in the system's currency, whose key this is behind a c.
    CAST(JSON_UNQUOTE(JSON_EXTRACT(p.price, '$$.cb7d2554b0ce847cd82f3ac9bd1c0dfca.gross')) AS DECIMAL(20, 4)) AS price,
    -- Shopware shows the product here whatever its address in words is.
    CONCAT(${site}, 'detail/', LOWER(HEX(p.id))) AS url,
    -- [if media_paths]
    -- The cover; Shopware stores its path in the folder of public files.
    (
        SELECT CONCAT(${images}, f.path)
        FROM product_media AS g
        JOIN media AS f ON f.id = g.media_id AND f.path <> ''
        WHERE g.id = p.product_media_id AND g.version_id = p.product_media_version_id
    ) AS image_url,
    -- [end]
    p.created_at AS added_at,
    -- Switched on, and in the listings of the sales channel (10 is by link only, 20 by search).
    CASE
        WHEN p.active = 1
            AND EXISTS (
                SELECT 1 FROM product_visibility AS v
                WHERE v.product_id = p.id
                  AND v.product_version_id = p.version_id
                  -- [if sales_channel_id]
                  AND v.sales_channel_id = ${sales_channel_id}
                  -- [end]
                  AND v.visibility >= 30
            )
            -- [if in_stock_only]
            AND (
                (COALESCE(p.child_count, 0) = 0 AND p.available = 1)
                OR EXISTS (
                    SELECT 1 FROM product AS v
                    WHERE v.parent_id = p.id
                      AND v.version_id = p.version_id
                      AND COALESCE(v.active, p.active) = 1
                      AND v.available = 1
                )
            )
            -- [end]
        THEN 1
        ELSE 0
    END AS sellable
FROM product AS p
WHERE p.version_id = UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425') AND p.parent_id IS NULL
