<?php
// As much of Shopware as the page's plugin calls, around an answer for each of its queries.
namespace Shopware\Core\Framework { class Plugin {} }
namespace Psr\Log { interface LoggerInterface {} class Log implements LoggerInterface { public function error($words) { note($words); } } }
namespace Symfony\Component\EventDispatcher { interface EventSubscriberInterface { public static function getSubscribedEvents(); } }
namespace Doctrine\DBAL {
    class Connection {
        public function fetchFirstColumn($query, $values = []) { return array_map('strval', answer(str_replace('?', $values[0] ?? '', $query))); }
    }
}
namespace Shopware\Core\Content\Product\Aggregate\ProductVisibility { class ProductVisibilityDefinition { const VISIBILITY_ALL = 30; } }
namespace Shopware\Core\Content\Product\SalesChannel {
    class ProductAvailableFilter { public $left = HIDDEN; public function __construct(string $channel, int $visibility) {} }
    class ProductCloseoutFilter { public $left = SOLD_OUT; }
}
namespace Shopware\Core\Framework\DataAbstractionLayer\Search {
    class Criteria {
        public $filters = [];
        public function __construct(public array $ids) { $ids || throw new \RuntimeException('no ids'); }
        public function addFilter(...$filters) { array_push($this->filters, ...$filters); }
    }
}
namespace Shopware\Core\Framework\Struct { class ArrayStruct { public function __construct(public array $data) {} } }
namespace Shopware\Core\System\SalesChannel\Entity {
    class SalesChannelRepository {
        private $left;
        public function search($criteria, $context) {
            look_up('product', count($criteria->ids));
            $this->left = array_diff($criteria->ids, REMOVED, ...array_column($criteria->filters, 'left'));
            return $this;
        }
        public function get($id) { return in_array($id, $this->left) ? (object) ['id' => $id] : null; }
    }
}
namespace Shopware\Storefront\Page\Navigation {
    class NavigationPageLoadedEvent {
        public $shown = [];
        public function getSalesChannelContext() { return $this; }
        public function getSalesChannelId() { return 'f00d'; }
        public function getId() { global $customer; return (string) $customer; }
        public function getCustomer() { global $customer; return $customer ? $this : null; }
        public function getPage() { return $this; }
        public function addExtension($name, $struct) { $this->shown = $struct->data['products']; }
    }
}
namespace {
    require 'custom/plugins/ShopRecommended/src/ShopRecommended.php';
    require 'custom/plugins/ShopRecommended/src/RecommendedProducts.php';

    function shown() {
        $event = new \Shopware\Storefront\Page\Navigation\NavigationPageLoadedEvent();
        $plugin = new \Shop\Recommended\RecommendedProducts(new \Doctrine\DBAL\Connection(), new \Shopware\Core\System\SalesChannel\Entity\SalesChannelRepository(), new \Psr\Log\Log());
        foreach (\Shop\Recommended\RecommendedProducts::getSubscribedEvents() as $class => $function) {
            $event instanceof $class && $plugin->$function($event);
        }
        return array_column($event->shown, 'id');
    }
}
