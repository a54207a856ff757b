<?php
// Prints what the code of a page shows to customer 1, to one without a list, and to a visitor.
// Its arguments: the stub of the platform; the answers, by query, as JSON.
error_reporting(E_ALL);
set_error_handler(function ($level, $words, $file, $line) { throw new ErrorException($words, 0, $level, $file, $line); });
const HIDDEN = [12];
const SOLD_OUT = [18];
const REMOVED = [99];
$customer = 0;
$answers = json_decode($argv[2], true);
$asked = [];

function answer($query) {
    global $answers, $asked;
    $asked[] = $query;
    return $answers[$query] ?? [];
}

require $argv[1];
$seen = [];
foreach ([1, 2, 0] as $customer) { $seen[] = array_map('intval', array_values(shown())); }
$answers = [];
$seen[] = shown();
echo json_encode(['seen' => $seen, 'asked' => $asked]);
