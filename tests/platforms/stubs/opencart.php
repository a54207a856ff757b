<?php
// As much of OpenCart 4 as the page's controller calls, around an answer for each of its queries.
namespace Opencart\System\Engine {
    class Controller {
        public $customer, $db, $load, $log, $model_catalog_product, $url;
    }
}

namespace {
    class Part {
        public function __construct(private $functions) {}
        public function __call($name, $arguments) { return $this->functions[$name](...$arguments); }
    }

    require 'catalog/controller/common/recommended.php';

    function shown() {
        global $customer;
        $page = new \Opencart\Catalog\Controller\Common\Recommended();
        $page->customer = new Part(['getId' => fn () => $customer ?: null]);
        $page->db = new Part(['query' => fn ($query) => (object) ['rows' => array_map(fn ($id) => ['item_id' => (string) $id], answer($query))]]);
        $page->model_catalog_product = new Part(['getProduct' => fn ($id) => look_up('product') || in_array($id, [...REMOVED, ...HIDDEN]) ? [] : [
            'product_id' => $id, 'name' => "Tea $id", 'quantity' => in_array($id, SOLD_OUT) ? 0 : 5,
        ]]);
        $page->url = new Part(['link' => fn ($route, $arguments) => "?route=$route&$arguments"]);
        $page->load = new Part(['model' => fn ($name) => null, 'view' => fn ($name, $data) => json_encode($data['products'])]);
        $page->log = new Part(['write' => note(...)]);
        $links = array_column(json_decode($page->index() ?: '[]', true), 'href');
        return array_map(fn ($link) => substr($link, strrpos($link, '=') + 1), $links);
    }
}
