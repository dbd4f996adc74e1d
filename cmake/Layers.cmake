# Layers.cmake: one static library a layer, and unit tests that link one layer.

# waitd_layer(<name> ON <library…> SOURCES <file…>)
# Makes waitd_<name>. ON names the layer below and the libraries that live in this layer; what
# is not named there does not link.
function(waitd_layer name)
    cmake_parse_arguments(PARSE_ARGV 1 layer "" "" "ON;SOURCES")
    add_library(waitd_${name} STATIC ${layer_SOURCES})
    target_include_directories(waitd_${name} PUBLIC ${PROJECT_SOURCE_DIR}/server)
    target_link_libraries(waitd_${name}
        PUBLIC ${layer_ON}
        PRIVATE waitd_warnings waitd_hardening)
endfunction()

# waitd_unit_test(<name> <layer library> SOURCES <file…>)
# Makes the cmocka program test_<name> and the test unit/<name>. It links that layer and what
# the layer itself stands on: a call to a higher layer fails to link.
function(waitd_unit_test name library)
    cmake_parse_arguments(PARSE_ARGV 2 test "" "" "SOURCES")
    add_executable(test_${name} ${test_SOURCES})
    target_link_libraries(test_${name}
        PRIVATE ${library} PkgConfig::CMOCKA waitd_warnings waitd_hardening)
    add_test(NAME unit/${name} COMMAND test_${name})
    waitd_test_settings(unit/${name} LABEL unit TIMEOUT 60)
endfunction()

# waitd_test_settings(<test> LABEL <label> TIMEOUT <seconds> [ENVIRONMENT <NAME=value…>])
# Sets what all tests have in common: leaks and undefined behaviour end a program with an error.
function(waitd_test_settings name)
    cmake_parse_arguments(PARSE_ARGV 1 test "" "LABEL;TIMEOUT" "ENVIRONMENT")
    set_tests_properties(${name} PROPERTIES
        LABELS ${test_LABEL}
        TIMEOUT ${test_TIMEOUT}
        ENVIRONMENT "ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=1;UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1;${test_ENVIRONMENT}")
endfunction()
