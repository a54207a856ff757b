<?php
// As much of WordPress and WooCommerce as the page's plugin calls, around an answer for each of its queries.
define('ABSPATH', '/');
$shortcodes = [];

function add_shortcode($name, $function) { global $shortcodes; $shortcodes[$name] = $function; }
function shortcode_atts($defaults, $given) { return array_merge($defaults, array_intersect_key((array) $given, $defaults)); }
function get_current_user_id() { global $customer; return $customer; }
function do_shortcode($text) { return $text; }

class wpdb {
    public $shows = true;
    public function show_errors() { $this->shows = true; }
    public function hide_errors() { [$showed, $this->shows] = [$this->shows, false]; return $showed; }
    public function prepare($query, ...$values) { return vsprintf($query, array_map('intval', $values)); }
    public function get_col($query) {
        try { return array_map('strval', answer($query)); }
        catch (RuntimeException $error) { note($error->getMessage()); echo $this->shows ? 'WordPress database error' : ''; return []; }
    }
}
$wpdb = new wpdb();

class WC_Product {
    public function __construct(private $id) { look_up('product'); }
    public function is_visible() { return !in_array($this->id, HIDDEN); }
    public function is_in_stock() { look_up('stock'); return !in_array($this->id, SOLD_OUT); }
}
function wc_get_product($id) { return in_array((int) $id, REMOVED) ? false : new WC_Product((int) $id); }

function shown() {
    global $shortcodes;
    $html = $shortcodes['recommended_products']('');
    $GLOBALS['wpdb']->shows || exit('errors stay hidden');
    preg_match('/^<h2>[^<]+<\/h2>\[products ids="([\d,]+)" orderby="post__in"\]$/', $html, $found);
    return $found ? explode(',', $found[1]) : [];
}

require 'wp-content/plugins/recommended-products.php';
