// Package ogenapi is what ogen makes of the contract.
package ogenapi

//go:generate go tool ogen --config ogen.yml --loglevel error --target . --package ogenapi --clean ../../../openapi/dist/webhooks.yaml
