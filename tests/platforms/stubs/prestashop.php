<?php
// As much of PrestaShop as the page's module calls, around an answer for each of its queries.
define('_PS_VERSION_', '8.1.0');

class Smarty { public $given = []; public function assign($name, $value) { $this->given[$name] = $value; } }
class Context {
    public $customer, $language, $smarty;
    public function __construct() {
        $this->customer = new stdClass();
        $this->language = new stdClass();
        $this->language->id = 2;
        $this->smarty = new Smarty();
    }
}
class Module {
    public $name, $version, $displayName, $context;
    public function __construct() { $this->context = new Context(); }
    public function install() { return true; }
    public function registerHook($name) { return $name === 'displayHome'; }
    protected function display($file, $template) {
        $parts = file_get_contents(dirname($file) . '/views/templates/hook/' . $template);
        return preg_match('/product\.tpl" product=\$product/', $parts) ? $this->context->smarty->given : [];
    }
}
class Db {
    private $error = '';
    public static function getInstance() { return new Db(); }
    public function getMsgError() { return $this->error; }
    public function executeS($query) {
        try { return array_map(fn ($id) => ['item_id' => (string) $id], answer($query)); }
        catch (RuntimeException $error) {
            if (str_contains($error->getMessage(), 'denied')) { throw $error; }  // as where the shop debugs its SQL
            $this->error = $error->getMessage();
            return false;
        }
    }
}
class PrestaShopLogger { public static function addLog($words, $severity) { note($words); } }
class Product {
    public $id, $active;
    public function __construct($id, $full, $language) {
        look_up('product');
        $this->id = in_array($id, REMOVED) ? null : $id;
        $this->active = !in_array($id, HIDDEN);
    }
    public function isAssociatedToShop() { return true; }
    public static function isAvailableWhenOutOfStock($rule) { return $rule === 1; }
}
class Validate { public static function isLoadedObject($thing) { return (bool) $thing->id; } }
class StockAvailable {
    public static function getQuantityAvailableByProduct($id) { look_up('stock'); return in_array($id, SOLD_OUT) ? 0 : 5; }
    public static function outOfStock($id) { return 0; }
}
class ProductAssembler {
    public function __construct($context) {}
    public function assembleProduct($raw) { return $raw; }
}
class ProductPresenterFactory {
    public function __construct($context) {}
    public function getPresentationSettings() { return new stdClass(); }
    public function getPresenter() { return new ProductPresenter(); }
}
class ProductPresenter { public function present($settings, $product, $language) { return $product; } }

require 'modules/recommendeditems/recommendeditems.php';

function shown() {
    global $customer;
    $module = new RecommendedItems();
    $module->install() || exit('not installed');
    $module->context->customer->id = $customer ?: null;
    return array_column(($module->hookDisplayHome() ?: ['products' => []])['products'], 'id_product');
}
