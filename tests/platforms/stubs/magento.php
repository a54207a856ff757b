<?php
// As much of Magento as the page's block calls, around an answer for each of its queries.
namespace Magento\Framework\View\Element\Template { class Context {} }
namespace Magento\Framework\View\Element {
    class Template {
        protected $_logger;
        public function __construct($context, $data) { $this->_logger = $this; }
        public function error($words) { note($words); }
    }
}
namespace Magento\Framework\App {
    class ResourceConnection {
        public function getConnection() { return $this; }
        public function fetchCol($query, $values = []) { return array_map('strval', answer(str_replace('?', (string) ($values[0] ?? ''), $query))); }
    }
}
namespace Magento\Customer\Model { class Session { public function getCustomerId() { global $customer; return $customer ?: null; } } }
namespace Magento\Catalog\Model\Product { class Visibility { public function getVisibleInCatalogIds() { return [2, 4]; } } }
namespace Magento\CatalogInventory\Helper {
    class Stock { public function addInStockFilterToCollection($found) { $found->leave(SOLD_OUT); } }
}
namespace Magento\Catalog\Model\ResourceModel\Product {
    class CollectionFactory { public function create() { return new Collection(); } }
    class Collection {
        private $products = [];
        public function addIdFilter($ids) {
            look_up('product', count($ids));
            foreach (array_diff($ids, REMOVED) as $id) { $this->products[$id] = (object) ['id' => $id]; }
            ksort($this->products);  // as a database does, in no order that was asked for
            return $this;
        }
        public function leave($ids) { foreach ($ids as $id) { unset($this->products[$id]); } return $this; }
        public function addStoreFilter() { return $this; }
        public function addAttributeToSelect($name) { return $this; }
        public function addAttributeToFilter($name, $value) { return [$name, $value] === ['status', 1] ? $this->leave(HIDDEN) : $this; }
        public function setVisibility($values) { return $this; }
        public function addUrlRewrite() { return $this; }
        public function getItemById($id) { return $this->products[$id] ?? null; }
    }
}
namespace {
    require 'app/code/Shop/Recommended/Block/Products.php';

    function shown() {
        $block = new \Shop\Recommended\Block\Products(
            new \Magento\Framework\View\Element\Template\Context(),
            new \Magento\Framework\App\ResourceConnection(),
            new \Magento\Customer\Model\Session(),
            new \Magento\Catalog\Model\ResourceModel\Product\CollectionFactory(),
            new \Magento\Catalog\Model\Product\Visibility(),
            new \Magento\CatalogInventory\Helper\Stock(),
        );
        return array_column($block->getProducts(), 'id');
    }
}
