// Package byogen is what ogen makes of the contract.
package byogen

//go:generate go tool ogen --config ogen.yml --loglevel error --target . --package byogen --clean ../../../openapi/dist/receiver.yaml
