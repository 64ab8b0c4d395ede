// Package ogenapi is what ogen makes of the contract's OpenAPI document.
package ogenapi

//go:generate go tool ogen --config ogen.yml --loglevel error --target . --package ogenapi --clean ../../../openapi/dist/webhooks.yaml
