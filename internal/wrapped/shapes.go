package wrapped

// shapes are the wrappings that have a name, by members that an object around the event
// has. The first one that fits counts, so those with more members come first.
var shapes = []struct {
	name    string
	members []string
}{
	{"a request as n8n shows it", []string{"headers", "body", "webhookUrl"}},
	{"a request as n8n shows it", []string{"headers", "params", "query", "body"}},
	{"a request as Pipedream shows it", []string{"headers", "body", "client_ip"}},
	{"a request as Zapier shows it", []string{"headers", "raw_body"}},
	{"a request as AWS API Gateway passes it on", []string{"requestContext", "body"}},
	{"a request as AWS API Gateway passes it on", []string{"isBase64Encoded", "body"}},
	{"a message of Amazon SQS", []string{"messageId", "receiptHandle", "body"}},
	{"a message of Amazon SQS", []string{"MessageId", "ReceiptHandle", "Body"}},
	{"a message of Amazon SNS", []string{"TopicArn", "Message"}},
	{"an event of Amazon EventBridge", []string{"detail-type", "detail"}},
	{"a record of Amazon Kinesis", []string{"kinesis", "eventSource"}},
	{"an envelope of CloudEvents", []string{"specversion", "data"}},
	{"an envelope of CloudEvents", []string{"specversion", "data_base64"}},
	{"a message of Google Pub/Sub", []string{"message", "subscription"}},
	{"an event of Azure Event Grid", []string{"eventType", "subject", "data"}},
	{"a message of Svix", []string{"eventType", "payload"}},
	{"a request as webhook.site shows it", []string{"uuid", "content", "method"}},
	{"a message of Node-RED", []string{"_msgid", "payload"}},
	{"a bundle of Make", []string{"__IMTLENGTH__"}},
	{"a bundle of Make", []string{"__IMTHEADERS__"}},
	{"a dispatch of GitHub", []string{"client_payload"}},
	{"an HTTP archive", []string{"creator", "entries"}},
	{"an entry of an HTTP archive", []string{"startedDateTime", "request"}},
	{"a log of WireMock", []string{"request", "responseDefinition"}},
	{"a delivery as a service shows it", []string{"delivery", "payload"}},
	{"a recorded request", []string{"request"}},
	{"a recorded request", []string{"headers", "body"}},
	{"a recorded request", []string{"headers", "payload"}},
	{"a recorded request", []string{"method", "body"}},
}

// telling are the members of shapes, each with a bit of its own.
var telling = func() map[string]uint64 {
	bits := make(map[string]uint64)
	for _, s := range shapes {
		for _, member := range s.members {
			if bits[member] == 0 {
				bits[member] = 1 << len(bits)
			}
		}
	}
	return bits
}()

// shape returns the name of the first shape that one of these objects has, or "".
func shape(objects []uint64) string {
	for _, s := range shapes {
		want := uint64(0)
		for _, member := range s.members {
			want |= telling[member]
		}
		for _, has := range objects {
			if has&want == want {
				return s.name
			}
		}
	}
	return ""
}
