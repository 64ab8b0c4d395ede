package schemac_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/runhooks/runhooks/internal/schemac"
)

func ExampleCompile() {
	schema := []byte(`{"title": "Pet", "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}`)
	files, err := schemac.Compile([]schemac.Document{
		{Path: "pet.json", URI: "https://example.com/pet.json", Data: schema, Func: "Pet"},
	}, schemac.Options{Package: "pets", AssertFormat: true})
	if err != nil {
		panic(err)
	}
	fmt.Println(slices.Sorted(maps.Keys(files)))
	// Output: [pet.gen.go scan_block.gen.go scan_block_simd.gen.go scan_decimal.gen.go scan_judge.gen.go scan_name.gen.go scan_order.gen.go scan_order_module.gen.go scan_row.gen.go scan_scan.gen.go scan_text.gen.go]
}

func ExampleError() {
	schema := []byte(`{"unevaluatedProperties": false}`)
	_, err := schemac.Compile([]schemac.Document{
		{Path: "pet.json", URI: "https://example.com/pet.json", Data: schema, Func: "Pet"},
	}, schemac.Options{Package: "pets"})
	refused, ok := errors.AsType[*schemac.Error](err)
	fmt.Println(ok, refused.Keyword)
	// Output: true unevaluatedProperties
}
