package portability

// A Rule is an idiom to keep clear of.
type Rule struct {
	ID       string
	Severity Severity
	// Summary says in a few words what the idiom is.
	Summary string
	// Instead says what to write.
	Instead string
	// Breaks are the tools that are known to break on it, with the rule's document in
	// testdata. Each run of interop confirms each of them, in its version.
	Breaks []Break
}

// A Break is what a tool does with an idiom.
type Break struct {
	Tool, Version string
	How           string
}

// The versions that were looked at.
func oapiCodegen(how string) Break { return Break{"oapi-codegen", "2.8.2", how} }
func ogen(how string) Break        { return Break{"ogen", "1.24.0", how} }
func kinOpenAPI(how string) Break  { return Break{"kin-openapi", "0.153.0", how} }
func ajv(how string) Break         { return Break{"ajv", "8.20.0", how} }
func jsonToTS(how string) Break    { return Break{"json-schema-to-typescript", "16.0.0", how} }
func openapiTS(how string) Break   { return Break{"openapi-typescript", "7.13.0", how} }
func heyAPI(how string) Break      { return Break{"@hey-api/openapi-ts", "0.95.0", how} }
func dataModel(how string) Break {
	return Break{"datamodel-code-generator", "0.89.0", how}
}
func openapiGenerator(how string) Break { return Break{"openapi-generator", "7.25.0", how} }
func jsonschema2pojo(how string) Break  { return Break{"jsonschema2pojo", "1.3.3", how} }
func pythonClient(how string) Break     { return Break{"openapi-python-client", "0.29.1", how} }
func pythonJSONSchema(how string) Break { return Break{"python-jsonschema", "4.26.0", how} }
func jsonSchemaRS(how string) Break     { return Break{"jsonschema-rs", "0.61.0", how} }
func fastJSONSchema(how string) Break   { return Break{"fastjsonschema", "2.22.3", how} }
func typify(how string) Break           { return Break{"typify", "0.8.0", how} }
func progenitor(how string) Break       { return Break{"progenitor", "0.15.1", how} }
func pyYAML(how string) Break           { return Break{"PyYAML", "6.0.4", how} }
func zodClient(how string) Break        { return Break{"openapi-zod-client", "1.18.3", how} }
func oazapfts(how string) Break         { return Break{"oazapfts", "7.5.0", how} }
func redoc(how string) Break            { return Break{"Redoc", "3.0.1", how} }
func rustJSONSchema(how string) Break {
	return Break{"jsonschema", "0.60.2", how}
}

// Rules gives all rules, in the order in which a reader best learns them. The
// result is the caller's.
func Rules() []Rule {
	return []Rule{
		{
			ID: "const-without-type", Severity: Error,
			Summary: "const without type",
			Instead: "say the type, too: type: string beside const: run_failed",
			Breaks: []Break{
				oapiCodegen("makes it interface{}"),
				ogen("makes it jx.Raw, which is JSON that nobody has decoded"),
				openapiGenerator("makes it Object"),
				jsonschema2pojo("makes it Object"),
				typify("makes it serde_json::Value, which is JSON that nobody has decoded"),
				progenitor("makes it serde_json::Value, which is JSON that nobody has decoded"),
			},
		},
		{
			ID: "enum-without-type", Severity: Error,
			Summary: "enum without type",
			Instead: "say the type, too: type: string beside enum",
			Breaks: []Break{
				oapiCodegen("makes it interface{}"),
				ogen("makes it jx.Raw, which is JSON that nobody has decoded"),
				dataModel("makes it an Enum whose members are no strings"),
			},
		},
		{
			ID: "type-list", Severity: Error,
			Summary: "more than one type",
			Instead: "give one type, or anyOf with a schema a type",
			Breaks: []Break{
				oapiCodegen("fails: unhandled Schema type"),
				ogen("fails: multiple types are not supported"),
				ajv("fails with strict: true: use allowUnionTypes; else it warns"),
				progenitor("fails: invalid type: sequence, expected a string"),
			},
		},
		{
			ID: "boolean-schema", Severity: Error,
			Summary: "a boolean as a schema",
			Instead: "write {} for true, and {not: {}} for false",
			Breaks: []Break{
				ogen("fails: cannot unmarshal !!bool"),
				pythonClient("fails: Input should be a valid dictionary or instance of Schema"),
				heyAPI("loses the member: the type is {[key: string]: unknown}"),
				progenitor("fails: invalid type: boolean"),
			},
		},
		{
			ID: "exclusive-bound", Severity: Error,
			Summary: "exclusiveMinimum or exclusiveMaximum as a number",
			Instead: "write minimum or maximum; of integers, the next one: minimum: 1 for more than 0",
			Breaks: []Break{
				ogen("fails: cannot unmarshal !!int into bool, as OpenAPI 3.0 had it"),
				openapiGenerator("takes the bound itself, too, as if it were minimum"),
				progenitor("fails: expected a boolean, as OpenAPI 3.0 had it"),
			},
		},
		{
			ID: "pattern-properties", Severity: Error,
			Summary: "patternProperties",
			Instead: "write additionalProperties, and say in words which names there are",
			Breaks: []Break{
				oapiCodegen("makes it map[string]interface{}: the schema of the values is lost"),
				jsonToTS("gives every name the type, whatever the pattern"),
				openapiGenerator("makes it Object"),
				jsonschema2pojo("makes it a map of Object: the schema of the values is lost"),
				pythonClient("gives the values the type Any: their schema is lost"),
				openapiTS("gives every name the type, whatever the pattern"),
				heyAPI("makes it {[key: string]: unknown | string}: the schema of the values is lost"),
				progenitor("makes it serde_json::Map: the schema of the values is lost"),
			},
		},
		{
			ID: "go-extension", Severity: Error,
			Summary: "an extension for one generator of one language",
			Instead: "keep it in an overlay of your own, which oapi-codegen applies to the document",
			Breaks: []Break{
				oapiCodegen("names a type that only its author has, so what it makes doesn't compile"),
				ajv("in its strict mode, which is the default, refuses unknown keywords"),
			},
		},
		{
			ID: "ref-to-file", Severity: Error,
			Summary: "$ref to another file",
			Instead: "bundle the files into one document, with the schema among its components or $defs",
			Breaks: []Break{
				oapiCodegen("makes an anonymous struct of it, and of all in it"),
				ogen("fails: external references are disabled"),
				ajv("fails: can't resolve reference"),
				openapiTS("names the type by the file, not by its title"),
				dataModel("names the type by the file, not by its title"),
				pythonClient("leaves out the type and the operation: remote references are not supported"),
				pythonJSONSchema("fails: Unresolvable"),
				jsonSchemaRS("fails: is not present in a registry"),
				fastJSONSchema("fails: unknown url type"),
				heyAPI("names the type Root, not by its title"),
				typify("panics: external references are not supported"),
				progenitor("panics: external references are not supported"),
				rustJSONSchema("fails: can't retrieve the file"),
			},
		},
		{
			ID: "ref-to-defs", Severity: Error,
			Summary: "$ref into another file",
			Instead: "bundle the files into one document, with the schema among its components or $defs",
			Breaks: []Break{
				oapiCodegen("fails: unrecognized external reference"),
				ogen("fails: external references are disabled"),
				ajv("fails: can't resolve reference"),
				pythonClient("leaves out the type and the operation: remote references are not supported"),
				pythonJSONSchema("fails: Unresolvable"),
				jsonSchemaRS("fails: is not present in a registry"),
				fastJSONSchema("fails: unknown url type"),
				typify("panics: external references are not supported"),
				progenitor("panics: external references are not supported"),
				rustJSONSchema("fails: can't retrieve the file"),
			},
		},
		{
			ID: "defs-in-openapi", Severity: Error,
			Summary: "$defs in an OpenAPI document",
			Instead: "move them to components, and refer to them there",
			Breaks: []Break{
				openapiTS("makes $defs a member that every value has to have"),
				heyAPI("makes an anonymous type of what is referred to there"),
				typify("panics: what is referred to there is missing"),
				progenitor("panics: what is referred to there is missing"),
			},
		},
		{
			ID: "ref-siblings", Severity: Error,
			Summary: "keywords beside $ref",
			Instead: "put them into the schema that is referred to, or write allOf: [{$ref: …}] beside them",
			Breaks: []Break{
				oapiCodegen("ignores the members that stand there"),
				ogen("ignores the members that stand there"),
				openapiTS("ignores the members that stand there"),
				openapiGenerator("makes an empty class of it, without the members of either"),
				jsonschema2pojo("ignores the members that stand there"),
				dataModel("makes a copy of what is referred to, which is of another type"),
				fastJSONSchema("ignores the members that stand there, as draft-07 has it"),
				heyAPI("ignores the members that stand there"),
				jsonToTS("puts the members that stand there in place of those referred to"),
				progenitor("ignores the members that stand there"),
			},
		},
		{
			ID: "union-without-discriminator", Severity: Error,
			Summary: "oneOf of objects without discriminator",
			Instead: "add discriminator, with the member that tells them apart and the mapping of its values",
			Breaks: []Break{
				oapiCodegen("makes a union that can't tell which of its types it holds"),
				ogen("fails: failed to infer fields discriminator"),
				openapiGenerator("makes an interface that Jackson can't decode: nothing tells it which class"),
				dataModel("tries each type, and tells the errors of all of them"),
			},
		},
		{
			ID: "const-in-union", Severity: Warning,
			Summary: "const in the member that a discriminator names",
			Instead: "write an enum of one value, enum: [run_failed], in the document for a tool that ignores const",
			Breaks: []Break{
				zodClient("ignores const, so that what it makes throws when it is imported"),
			},
		},
		{
			ID: "nullable-in-3.1", Severity: Error,
			Summary: "nullable, which only OpenAPI 3.0 has",
			Instead: `write type: [string, "null"]`,
			Breaks: []Break{
				oapiCodegen("ignores it: null can't be told from the zero value"),
				dataModel("ignores it: null is refused"),
				openapiGenerator("ignores it: null is refused"),
				pythonJSONSchema("ignores it: null is refused"),
				jsonSchemaRS("ignores it: null is refused"),
				fastJSONSchema("ignores it: null is refused"),
				heyAPI("ignores it: null is refused"),
				typify("ignores it: null is refused"),
				rustJSONSchema("ignores it: null is refused"),
			},
		},
		{
			ID: "not-in-3.0", Severity: Error,
			Summary: "a keyword that OpenAPI 3.0 doesn't have",
			Instead: "write what 3.0 has (const as enum of one, examples as example), or openapi: 3.1.1",
			Breaks: []Break{
				kinOpenAPI("refuses the document: field const is for OpenAPI >=3.1"),
				oapiCodegen("ignores const"),
				ogen("ignores const"),
				openapiGenerator("refuses the document, unless it is told not to validate it"),
				heyAPI("ignores const"),
				typify("ignores const"),
				progenitor("ignores const"),
			},
		},
		{
			ID: "discriminator-in-schema", Severity: Error,
			Summary: "discriminator in a JSON Schema, which only OpenAPI has",
			Instead: "leave it out: a const, or an enum of one, in each schema tells them apart",
			Breaks: []Break{
				ajv("in its strict mode, which is the default, refuses unknown keywords"),
			},
		},
		{
			ID: "schema-example", Severity: Error,
			Summary: "example in a schema, which JSON Schema doesn't have",
			Instead: "write examples, which is a list",
			Breaks: []Break{
				ajv("in its strict mode, which is the default, refuses unknown keywords"),
			},
		},
		{
			ID: "condition", Severity: Warning,
			Summary: "if, then and else, of which generated types know nothing",
			Instead: "keep it where it is true; say it in words, too, and let a validator see to it",
			Breaks: []Break{
				oapiCodegen("ignores it"),
				ogen("ignores it"),
				dataModel("ignores it"),
				jsonToTS("ignores it"),
				openapiTS("ignores it"),
				openapiGenerator("ignores it"),
				jsonschema2pojo("ignores it"),
				pythonClient("ignores it"),
				heyAPI("ignores it"),
				typify("panics: if/then/else schemas are not supported"),
				progenitor("ignores it"),
			},
		},
		{
			ID: "untitled-condition", Severity: Warning,
			Summary: "if or else without title",
			Instead: "give both a title, such as title: status is failed, with an else for it if there is none; Swagger UI shows descriptions in place of titles",
			Breaks: []Break{
				redoc("calls the two cases case 1 and case 2"),
			},
		},
		{
			ID: "status-range", Severity: Warning,
			Summary: "a range of status codes, such as 2XX",
			Instead: `list the codes, such as "200" and "204"; default stands for the others, where the tool takes it`,
			Breaks: []Break{
				oazapfts("writes status: 2XX, which is not TypeScript"),
			},
		},
		{
			ID: "no-paths", Severity: Error,
			Summary: "webhooks, and no member paths",
			Instead: "write paths: {} beside webhooks",
			Breaks: []Break{
				pythonClient("fails: paths: Field required"),
				progenitor("fails: missing field paths"),
			},
		},
		{
			ID: "webhooks-only", Severity: Warning,
			Summary: "webhooks, and no path",
			Instead: "offer a second document that has the receiver as one of its paths",
			Breaks: []Break{
				oapiCodegen("prunes what only webhooks use, unless it is told skip-prune, so what it makes doesn't compile"),
				openapiGenerator("makes no method of them, only the models"),
				pythonClient("makes no function of them, only the models"),
			},
		},
		{
			ID: "no-operation-id", Severity: Warning,
			Summary: "an operation without operationId",
			Instead: "name it, since functions and types are named by it",
			Breaks: []Break{
				oapiCodegen("names it by its path: PostEvents"),
				openapiGenerator("names it by its path: eventsPost"),
				pythonClient("names it by its path: post_events"),
				openapiTS("leaves it out of operations, so that only its path leads to its types"),
				heyAPI("names it by its path: PostEvents"),
				progenitor("fails: the path is missing operation ID"),
			},
		},
		{
			ID: "inline-object", Severity: Warning,
			Summary: "an object without a name",
			Instead: "move it to components or $defs, and refer to it",
			Breaks: []Break{
				oapiCodegen("makes an anonymous struct, of which no value can be written without repeating it"),
				ogen("names it by its place: EventA"),
				openapiGenerator("names it by its place: EventA"),
				jsonschema2pojo("names it by its place: A"),
				dataModel("names it by its member: A"),
				pythonClient("names it by its place: EventA"),
				openapiTS(`makes an anonymous type of it, which is only to be had as Event["a"]`),
				heyAPI(`makes an anonymous type of it, which is only to be had as Event["a"]`),
				jsonToTS(`makes an anonymous type of it, which is only to be had as Event["a"]`),
				typify("names it by its place: EventA"),
				progenitor("names it by its place: EventA"),
			},
		},
		{
			ID: "untitled", Severity: Warning,
			Summary: "a JSON Schema without title",
			Instead: "give it a title that can be the name of a type",
			Breaks: []Break{
				dataModel("calls it Model"),
				jsonToTS("calls it by the name of the file"),
				jsonschema2pojo("calls it by the name of the file"),
				typify("generates nothing"),
			},
		},
		{
			ID: "null-type", Severity: Error,
			Summary: "null as a type without quotes",
			Instead: `quote it: type: [string, "null"]`,
			Breaks: []Break{
				oapiCodegen("fails: unhandled Schema type"),
				kinOpenAPI("refuses the document: unsupported 'type' value"),
				pythonClient("fails: Input should be 'string', 'number', …"),
				heyAPI("makes it string | unknown"),
			},
		},
		{
			ID: "openapi-3.2", Severity: Warning,
			Summary: "OpenAPI 3.2, which not every tool takes",
			Instead: "write openapi: 3.1.1, unless the document needs what only 3.2 has",
			Breaks: []Break{
				openapiGenerator("refuses the document, unless it is told not to validate it"),
				pythonClient("fails: Only OpenAPI versions 3.1.* are supported"),
			},
		},
		{
			ID: "unquoted-version", Severity: Error,
			Summary: "a version that is a number",
			Instead: `write openapi: 3.1.1, and quote the version of the API: version: "1.0"`,
			Breaks: []Break{
				oapiCodegen("fails: cannot unmarshal !!float into string"),
				kinOpenAPI("fails: cannot unmarshal !!float into string"),
				openapiGenerator("refuses the document, unless it is told not to validate it"),
				openapiTS("fails: should be a string"),
				heyAPI("fails: Must be a string"),
				pythonClient("fails: Input should be a valid string"),
			},
		},
		{
			ID: "unquoted-key", Severity: Error,
			Summary: "a key that YAML reads as a number, a boolean or null, such as a status code",
			Instead: `quote it: "200": {description: Taken.}`,
			Breaks: []Break{
				dataModel("fails: Input should be a valid string"),
				pythonClient("fails: Input should be a valid string"),
				pyYAML("reads a number, which can't be the name of a member"),
			},
		},
		{
			ID: "duplicate-key", Severity: Error,
			Summary: "a key twice in one mapping",
			Instead: "remove one; parsers take either, or fail",
			Breaks: []Break{
				oapiCodegen("fails: mapping key already defined"),
				ogen("fails: already defined"),
				kinOpenAPI("fails: mapping key already defined"),
				openapiGenerator("refuses the document, unless it is told not to validate it"),
				openapiTS("fails: duplicated mapping key"),
				heyAPI("fails: duplicated mapping key"),
				pythonClient("fails: found duplicate key"),
				pyYAML("takes the last, and says nothing"),
			},
		},
		{
			ID: "yaml-boolean", Severity: Error,
			Summary: "yes, no, on or off without quotes, which YAML 1.1 reads as a boolean",
			Instead: `quote it: enum: ["no"]; or write true or false`,
			Breaks: []Break{
				ogen(`makes "false" of the value no`),
				openapiGenerator(`makes FALSE("false") of the value no`),
				pyYAML("reads no as False"),
			},
		},
		{
			ID: "yaml-number", Severity: Error,
			Summary: "a number that YAML 1.1 and 1.2 read differently",
			Instead: `quote it if it is text: enum: ["0123"]; otherwise write it in decimal, without _ and exponent`,
			Breaks: []Break{
				oapiCodegen("reads 0123 as 83"),
				ogen("reads 0123 as 83"),
				openapiGenerator("reads 0123 as 83"),
				heyAPI("reads 0123 as 123"),
				dataModel("reads 0123 as 83"),
				pythonClient("reads 0123 as 123"),
				pyYAML("reads 0123 as 83"),
			},
		},
		{
			ID: "yaml-date", Severity: Error,
			Summary: "a date without quotes",
			Instead: `quote it: examples: ["2026-11-28"]`,
			Breaks: []Break{
				openapiGenerator("makes 2026-11-28T00:00:00.000+00:00 of it"),
				pythonClient("leaves out the type: Unable to process schema"),
				pyYAML("reads a datetime.date, which isn't a value of JSON"),
			},
		},
		{
			ID: "yaml-directive", Severity: Warning,
			Summary: "a %YAML directive",
			Instead: "leave it out: parsers read all versions alike, or refuse all but their own",
			Breaks: []Break{
				oapiCodegen("fails: found incompatible YAML document"),
				kinOpenAPI("fails: found incompatible YAML document"),
			},
		},
		{
			ID: "yaml-tag", Severity: Error,
			Summary: "a tag that is not of JSON",
			Instead: "leave it out; to include another file, bundle the two into one document",
			Breaks: []Break{
				openapiGenerator("refuses the document, unless it is told not to validate it"),
				openapiTS("fails: unknown tag"),
				heyAPI("fails: unknown tag"),
				dataModel("fails: could not determine a constructor for the tag"),
				pythonClient("fails: could not determine a constructor for the tag"),
				pyYAML("fails: could not determine a constructor for the tag"),
			},
		},
		{
			ID: "merge-key", Severity: Warning,
			Summary: "the merge key <<, which YAML 1.2 doesn't have",
			Instead: "write the members, or refer to a schema with them: allOf: [{$ref: …}]",
			Breaks: []Break{
				heyAPI("loses what it adds: the type is unknown"),
			},
		},
	}
}

// Lookup gives the rule with that ID.
func Lookup(id string) (Rule, bool) {
	for _, r := range Rules() {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}
