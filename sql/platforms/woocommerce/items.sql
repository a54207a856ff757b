-- The products of WooCommerce, one row each; variations belong to their product.
SELECT
    p.ID AS item_id,
    p.post_title AS name,
    -- Published, open to all, and listed in the catalogue.
    CASE
        WHEN p.post_status = 'publish'
            AND p.post_password = ''
            -- [if visibility]
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
