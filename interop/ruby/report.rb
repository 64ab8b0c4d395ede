# Prints what openapi-generator's models for Ruby make of the vectors, as
# interop/matrix/report.go has it.

require 'json'
require 'set'
require 'time'

# Ruby only warns of what it finds wrong in a file.
FOUND = []
module Warning
  def self.warn(message, **)
    FOUND << message.sub(/^.*generated\//, '').strip
  end
end

# The models alone: the client beside them needs typhoeus.
GENERATED = File.join(__dir__, 'generated')
$LOAD_PATH.unshift(File.join(GENERATED, 'lib'))
require 'events/api_model_base'
Dir[File.join(GENERATED, 'lib/events/models/*.rb')].sort.each { |file| require file }

def decode(payload)
  event = Events::RunEvent.build(JSON.parse(payload, symbolize_names: true, max_nesting: false))
  raise 'RunEvent.build returns nil' if event.nil?
  event
end

# JSON knows no times, and Ruby writes them with a space.
def plain(value)
  case value
  when Hash then value.transform_values { |v| plain(v) }
  when Array then value.map { |v| plain(v) }
  when Time then value.iso8601(9)
  else value
  end
end

def encode(event)
  JSON.generate(plain(event.to_hash), max_nesting: 0)
end

def narrows(payloads)
  { 'page.run-completed' => Events::RunCompleted, 'page.run-failed' => Events::RunFailed }.each do |name, type|
    read = decode(payloads[name]).class
    return { ok: false, note: "#{name} is read as #{read}" } unless read == type
  end
  { ok: true }
end

# The conforming payloads, by the name of the vector.
def payloads
  files = Dir[File.join(__dir__, '../../vectors/conforms/*.json')].grep_v(/\.(expect|canonical)\.json$/)
  files.sort.to_h { |file| [File.basename(file, '.json'), File.read(file, encoding: 'UTF-8')] }
end

compiles = FOUND.empty? ? { ok: true } : { ok: false, note: "#{FOUND.length} warnings of ruby -W, the first: #{FOUND.first}" }
decoded = payloads.transform_values do |payload|
  { json: encode(decode(payload)) }
rescue StandardError, SystemStackError => e
  { error: "#{e.class}: #{e.message.lines.first.to_s.strip}"[0, 199] }
end
puts JSON.generate({
  kind: 'generator',
  tool: 'openapi-generator ruby',
  version: File.read(File.join(GENERATED, '.openapi-generator/VERSION')).strip,
  input: 'openapi/dist/receiver-3.0.yaml',
  note: 'with --generate-alias-as-model; decoded by RunEvent.build, of names as symbols; times encoded by iso8601(9)',
  compiles: compiles,
  narrows: narrows(payloads),
  decoded: decoded,
})
