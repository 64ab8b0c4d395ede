package sample_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/runhooks/runhooks/internal/sample"
	"github.com/runhooks/runhooks/pkg/conformance"
)

func ExampleMaker_Documented() {
	m := sample.Maker{Rand: rand.New(rand.NewPCG(1, 2))}
	payload, err := m.Documented("run_failed")
	if err != nil {
		fmt.Println(err)
		return
	}
	report := conformance.Check(payload)
	fmt.Println(report.EventType, report.Verdict)
	// Output: run_failed conforms
}

func ExampleSet() {
	payload, err := sample.Set([]byte(`{"data":{"robot_name":"Test Robot"}}`), "data.robot_name", "Price watch")
	fmt.Println(string(payload), err)
	// Output: {"data":{"robot_name":"Price watch"}} <nil>
}
