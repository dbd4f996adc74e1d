# Warnings.cmake: the flags that every target of ours compiles and links with.
#
# waitd_warnings   what the compiler is asked to find. Warnings are errors where the preset
#                  sets CMAKE_COMPILE_WARNING_AS_ERROR, so that a newer compiler builds a
#                  plain checkout.
# waitd_hardening  what makes an attack harder; in every build but Debug. Each flag is tried
#                  first, so that another compiler builds with those that it knows.

include(CheckCCompilerFlag)
include(CheckLinkerFlag)

add_library(waitd_warnings INTERFACE)
target_compile_options(waitd_warnings INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
    -Wformat=2 -Wundef
    # Not with clang, which finds it in the macros of uthash.h, too.
    $<$<C_COMPILER_ID:GNU>:-Wimplicit-fallthrough>)

add_library(waitd_hardening INTERFACE)
set(release "$<NOT:$<CONFIG:Debug>>")

# -Wformat is what -Werror=format-security builds on; -Werror refuses what is merely ignored.
set(CMAKE_REQUIRED_FLAGS "-Wformat -Werror")
foreach(flag IN ITEMS
        -Werror=format-security -Werror=implicit -Werror=incompatible-pointer-types
        -Werror=int-conversion -Wtrampolines -Wbidi-chars=any
        -fstack-clash-protection -fstack-protector-strong -fstrict-flex-arrays=3
        -fcf-protection=full -mbranch-protection=standard
        -ftrivial-auto-var-init=zero -fzero-init-padding-bits=all
        -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing
        -fexceptions -fPIE)
    string(MAKE_C_IDENTIFIER "takes${flag}" taken)
    check_c_compiler_flag(${flag} ${taken})
    if(${taken})
        target_compile_options(waitd_hardening INTERFACE $<${release}:${flag}>)
    endif()
endforeach()
unset(CMAKE_REQUIRED_FLAGS)

# The headers of the C library take a level that they do not know as the highest they do.
target_compile_options(waitd_hardening INTERFACE
    "$<${release}:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>")

foreach(flag IN ITEMS
        -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
    string(MAKE_C_IDENTIFIER "links${flag}" taken)
    check_linker_flag(C ${flag} ${taken})
    if(${taken})
        target_link_options(waitd_hardening INTERFACE $<${release}:${flag}>)
    endif()
endforeach()
