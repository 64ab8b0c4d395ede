// Package byoapicodegen is what oapi-codegen makes of the contract as it comes,
// without the configuration that gen/webhook has.
package byoapicodegen

//go:generate go tool oapi-codegen -generate types -package byoapicodegen -o types.gen.go ../../../openapi/dist/receiver.yaml
