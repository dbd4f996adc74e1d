# Profile.cmake: WAITD_PROFILE, with which script/release builds twice in one folder.
#
#   count   the program counts how often each branch is taken
#   use     it is laid out by what was counted
#
# Without it neither.

set(WAITD_PROFILE "" CACHE STRING "count or use: see script/release")

if(WAITD_PROFILE STREQUAL "count")
    add_compile_options(-fprofile-generate -fprofile-update=prefer-atomic)
    add_link_options(-fprofile-generate)
elseif(WAITD_PROFILE STREQUAL "use")
    # What did not run then is compiled as without a profile, not for size; and so is what was
    # changed since.
    add_compile_options(-fprofile-use -fprofile-partial-training
        -Wno-missing-profile -Wno-coverage-mismatch)
elseif(WAITD_PROFILE)
    message(FATAL_ERROR "WAITD_PROFILE is count or use, not ${WAITD_PROFILE}")
endif()
