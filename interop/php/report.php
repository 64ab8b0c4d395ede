<?php

// Prints what openapi-generator's models for PHP make of the vectors, as
// interop/matrix/report.go has it.

declare(strict_types=1);

use OpenAPI\Client\Model\ModelInterface;
use OpenAPI\Client\Model\RunCompleted;
use OpenAPI\Client\Model\RunFailed;
use OpenAPI\Client\ObjectSerializer;

/** Beyond the 1,000 levels of the contract, where PHP stops at 512. */
const DEPTH = 2048;

spl_autoload_register(function (string $class): void {
    require __DIR__ . '/generated/lib/' . str_replace('\\', '/', substr($class, strlen('OpenAPI\\Client\\'))) . '.php';
});
set_error_handler(function (int $level, string $message, string $file, int $line): never {
    throw new ErrorException($message, 0, $level, $file, $line);
});

/** RunEvent has the members of RunFailed only, so event_type chooses the class. */
function decode(string $payload): ModelInterface
{
    $event = json_decode($payload, true, DEPTH, JSON_THROW_ON_ERROR);
    $class = match ($event['event_type']) {
        'run_completed' => RunCompleted::class,
        'run_failed' => RunFailed::class,
    };
    $read = ObjectSerializer::deserialize($event, $class);
    if (!$read->valid()) {
        throw new DomainException($read->listInvalidProperties()[0]);
    }
    return $read;
}

function encode(ModelInterface $event): string
{
    $flags = JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION;
    return json_encode(ObjectSerializer::sanitizeForSerialization($event), $flags, DEPTH);
}

/** Whether PHP compiles every file that was generated, with nothing to say. */
function compiles(): array
{
    $files = [];
    foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator(__DIR__ . '/generated/lib')) as $file) {
        if ($file->getExtension() === 'php') {
            $files[] = $file->getPathname();
        }
    }
    sort($files);
    foreach ($files as $file) {
        try {
            require_once $file;
        } catch (Throwable $e) {
            return ['ok' => false, 'note' => basename($file) . ': ' . $e->getMessage()];
        }
    }
    return ['ok' => true];
}

/** The conforming payloads, by the name of the vector. */
function payloads(): array
{
    $payloads = [];
    foreach (glob(__DIR__ . '/../../vectors/conforms/*.json') as $file) {
        if (!preg_match('/\.(expect|canonical)\.json$/', $file)) {
            $payloads[basename($file, '.json')] = file_get_contents($file);
        }
    }
    return $payloads;
}

ObjectSerializer::setDateTimeFormat('Y-m-d\TH:i:s.uP'); // or fractions are lost
$compiles = compiles();
$decoded = [];
foreach (payloads() as $name => $payload) {
    try {
        $decoded[$name] = ['json' => encode(decode($payload))];
    } catch (Throwable $e) {
        $decoded[$name] = ['error' => substr(strtok(get_class($e) . ': ' . $e->getMessage(), "\n"), 0, 199)];
    }
}
echo json_encode([
    'kind' => 'generator',
    'tool' => 'openapi-generator php',
    'version' => trim(file_get_contents(__DIR__ . '/generated/.openapi-generator/VERSION')),
    'input' => 'openapi/dist/receiver-3.0.yaml',
    'note' => "deserialized with the class that event_type says, and checked by valid(); encoded with setDateTimeFormat('Y-m-d\\TH:i:s.uP')",
    'compiles' => $compiles,
    'narrows' => ['ok' => false, 'note' => 'RunEvent has the members of RunFailed only: look at event_type, and choose the class'],
    'decoded' => $decoded,
], JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
