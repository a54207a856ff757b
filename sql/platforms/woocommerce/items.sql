-- The products of WooCommerce, one row each; variations belong to their product.
SELECT
    p.ID AS item_id,
    p.post_title AS name,
    -- [if terms]
    -- WooCommerce knows no main category: of several the one that was made first. WordPress stores & as &amp;.
    (
        SELECT REPLACE(t.name, '&amp;', '&')
        FROM `${prefix}term_relationships` AS r
        JOIN `${prefix}term_taxonomy` AS x ON x.term_taxonomy_id = r.term_taxonomy_id
        JOIN `${prefix}terms` AS t ON t.term_id = x.term_id
        WHERE r.object_id = p.ID AND x.taxonomy = 'product_cat'
        ORDER BY t.term_id
        LIMIT 1
    ) AS category,
    -- WooCommerce's own brands, since 9.6.
    (
        SELECT REPLACE(t.name, '&amp;', '&')
        FROM `${prefix}term_relationships` AS r
        JOIN `${prefix}term_taxonomy` AS x ON x.term_taxonomy_id = r.term_taxonomy_id
        JOIN `${prefix}terms` AS t ON t.term_id = x.term_id
        WHERE r.object_id = p.ID AND x.taxonomy = 'product_brand'
        ORDER BY t.term_id
        LIMIT 1
    ) AS brand,
    -- [end]
    -- [if meta]
    -- What is asked now, of variations the least; with tax or without as the shop enters its prices.
    (
        SELECT MIN(CAST(m.meta_value AS DECIMAL(19, 4))) FROM `${prefix}postmeta` AS m
        WHERE m.post_id = p.ID AND m.meta_key = '_price' AND m.meta_value <> ''
    ) AS price,
    -- The product's image; WordPress stores its path in the folder of uploads.
    (
        SELECT CONCAT(${images}, MIN(f.meta_value))
        FROM `${prefix}postmeta` AS m
        JOIN `${prefix}postmeta` AS f ON f.post_id = CAST(m.meta_value AS UNSIGNED) AND f.meta_key = '_wp_attached_file'
        WHERE m.post_id = p.ID AND m.meta_key = '_thumbnail_id'
    ) AS image_url,
    -- [end]
    -- WordPress leads from here to the address in words.
    CONCAT(${site}, '?post_type=product&p=', p.ID) AS url,
    -- When it was published; of a draft WordPress stores a day 0.
    CASE WHEN p.post_date_gmt > '1000-01-01' THEN p.post_date_gmt END AS added_at,
    -- Published, open to all, and listed in the catalogue.
    CASE
        WHEN p.post_status = 'publish'
            AND p.post_password = ''
            -- [if terms]
            AND NOT EXISTS (
                SELECT 1
                FROM `${prefix}term_relationships` AS r
                JOIN `${prefix}term_taxonomy` AS x ON x.term_taxonomy_id = r.term_taxonomy_id
                JOIN `${prefix}terms` AS t ON t.term_id = x.term_id
                WHERE r.object_id = p.ID AND x.taxonomy = 'product_visibility' AND t.slug = 'exclude-from-catalog'
            )
            -- [end]
            -- [if in_stock_only]
            AND NOT EXISTS (
                SELECT 1 FROM `${prefix}postmeta` AS s
                WHERE s.post_id = p.ID AND s.meta_key = '_stock_status' AND s.meta_value = 'outofstock'
            )
            -- [end]
        THEN 1
        ELSE 0
    END AS sellable
FROM `${prefix}posts` AS p
WHERE p.post_type = 'product' AND p.post_status <> 'auto-draft'
