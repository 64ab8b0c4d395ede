package reference

//go:generate go run ./cmd/contractmd ../../docs/contract.md
