module github.com/runhooks/runhooks/bench/delivery

go 1.26.0

require github.com/runhooks/runhooks v0.0.0

replace github.com/runhooks/runhooks => ../../
