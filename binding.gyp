{
  # Three targets, one core: what C does, the process that does it, and Node's way in.
  # CMakeLists.txt builds the same folders for tests; keep the flags of both alike.
  "variables": {
    "list": "node -p \"const [folder, end] = process.argv.slice(1); require('fs').readdirSync(folder).filter((name) => name.endsWith(end)).sort().map((name) => folder + '/' + name).join(' ')\"",
  },
  "target_defaults": {
    "cflags": [
      "-O2",
      "-Wall",
      "-Wextra",
      "-fvisibility=hidden",
      "-ffunction-sections",
      "-fdata-sections",
      "-fstack-protector-strong",
      "-U_FORTIFY_SOURCE",
      "-D_FORTIFY_SOURCE=2",
      # gcc, where fortified: (void) says well enough that a result is not wanted.
      "-Wno-unused-result",
    ],
    "cflags_c": [
      "-std=gnu17",
      "-Wshadow",
      "-Wvla",
      "-Wconversion",
      "-Wmissing-prototypes",
      "-Wstrict-prototypes",
      "-Wwrite-strings",
      # gcc cannot see that fail() is negative. (The second is for clang, which lacks the first.)
      "-Wno-maybe-uninitialized",
      "-Wno-unknown-warning-option",
    ],
    "cflags_cc": ["-std=c++17"],
    "cflags!": ["-O3"],
    "defines": ["_GNU_SOURCE"],
  },
  "targets": [
    {
      "target_name": "core",
      "type": "static_library",
      "cflags": ["-fPIC"],
      # Node's include folder carries a zlib.h and an openssl/ of its own: not what is linked here.
      "include_dirs/": [["exclude", "."]],
      "sources": ["<!@(<(list) native/core .c)"],
    },
    {
      "target_name": "marmita-init",
      "type": "executable",
      "dependencies": ["core"],
      "include_dirs/": [["exclude", "."]],
      "sources": ["<!@(<(list) native/init .c)"],
      # Static: it is executed among other people's files, and starts faster. At a random address,
      # since it reads what strangers wrote: 0.1 ms of a start.
      "cflags": ["-fPIE"],
      "ldflags": ["-static-pie", "-Wl,--gc-sections", "-Wl,-z,relro,-z,now", "-s"],
      "ldflags!": ["-rdynamic"],
      "libraries": ["-lseccomp", "-ldeflate", "-lzstd", "-lz", "-lcrypto", "-pthread"],
    },
    {
      "target_name": "marmita",
      "dependencies": [
        "core",
        "<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except",
      ],
      "defines": ["NAPI_VERSION=9"],
      "sources": ["<!@(<(list) native/addon .cc)"],
      "ldflags": ["-Wl,--gc-sections"],
    },
  ],
}
