<?php
// Prints what the code of a page shows to customer 1, to one without a list, and to a visitor.
// Its arguments: the stub of the platform; the answers, by query without its LIMIT, as JSON; the words of the database
// where it refuses every query. Tells what was asked and logged, and how much was looked up, too.
error_reporting(E_ALL);
set_error_handler(function ($level, $words, $file, $line) { throw new ErrorException($words, 0, $level, $file, $line); });
const HIDDEN = [12];
const SOLD_OUT = [18];
const REMOVED = [99];
$customer = 0;
$answers = json_decode($argv[2], true);
$refusal = $argv[3] ?? '';
$asked = $logged = [];
$looked_up = ['product' => 0, 'stock' => 0];

function answer($query) {
    global $answers, $asked, $refusal;
    $asked[] = $query;
    if ($refusal) { throw new RuntimeException($refusal); }
    preg_match('/^(.*?)(?: LIMIT (\d+))?$/', $query, $parts);
    return array_slice($answers[$parts[1]] ?? [], 0, (int) ($parts[2] ?? PHP_INT_MAX));
}
function note($words) { global $logged; $logged[] = $words; }
function look_up($what, $times = 1) { global $looked_up; $looked_up[$what] += $times; }

require $argv[1];
$seen = [];
foreach ([1, 2, 0] as $customer) { $seen[] = array_map('intval', array_values(shown())); }
$answers = [];
$seen[] = shown();
echo json_encode(['seen' => $seen, 'asked' => $asked, 'logged' => $logged, 'looked up' => $looked_up]);
