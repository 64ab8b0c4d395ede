// Has quicktype's types decode and encode the vectors, and prints a report, as package matrix says:
//
//	main VERSION WARNINGS
//
// with the version of quicktype, and the file of what the compiler said of its header.
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "generated/events.hpp"

namespace fs = std::filesystem;
using nlohmann::json;

static std::string read(const fs::path &file) {
    std::ifstream in(file, std::ios::binary);
    in.exceptions(std::ios::badbit | std::ios::failbit);
    return {std::istreambuf_iterator<char>(in), {}};
}

template <typename Event>
static std::string again(const json &payload) {
    return json(payload.get<Event>()).dump();
}

// Decodes a payload and encodes it again. The caller chooses the type.
static json decoded(const std::string &text) {
    try {
        const json payload = json::parse(text);
        const bool failed = payload.at("event_type") == "run_failed";
        return {{"json", failed ? again<quicktype::RunFailed>(payload) : again<quicktype::RunCompleted>(payload)}};
    } catch (const std::exception &why) {
        return {{"error", std::string(why.what()).substr(0, 199)}};
    }
}

// Whether the compiler warned of the header.
static json compiles(const std::string &said) {
    const auto at = said.find("warning: ");
    if (at == std::string::npos) {
        return {{"ok", true}};
    }
    return {{"ok", false}, {"note", "of -Wall -Wextra, the first: " + said.substr(at, said.find('\n', at) - at)}};
}

int main(int, char *argv[]) {
    json vectors = json::object();
    for (const auto &entry : fs::directory_iterator("../../vectors/conforms")) {
        const fs::path name = entry.path().filename();
        // Beside name.json are name.expect.json and name.canonical.json.
        if (name.extension() == ".json" && name.stem().extension() != ".expect" && name.stem().extension() != ".canonical") {
            vectors[name.stem().string()] = decoded(read(entry.path()));
        }
    }
    const json report = {
        {"kind", "generator"},
        {"tool", "quicktype-core"},
        {"version", argv[1]},
        {"input", "openapi/dist/json-schema-2020-12/run-{completed,failed}.json"},
        {"note",
         "each event a type of its own, since of run-event it makes one type, which refuses some run_failed that "
         "conform; with code-format with-struct and hide-null-optional, on nlohmann/json"},
        {"compiles", compiles(read(argv[2]))},
        {"narrows", {{"ok", false}, {"note", "there is a struct an event, and none for both: the caller chooses by event_type"}}},
        {"decoded", vectors},
    };
    std::cout << report.dump() << '\n';
}
