# What every target of Nightbus is built with, and the two ways to declare one.

add_compile_options(
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
    -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Wno-missing-field-initializers
    -fno-strict-aliasing -fvisibility=hidden -fstack-protector-strong -ffp-contract=off
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-format-truncation) # error texts are cut on purpose
endif()
if(NB_WERROR)
    add_compile_options(-Werror)
endif()
if(NB_SANITIZE)
    add_compile_options(-fsanitize=${NB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${NB_SANITIZE})
endif()
if(NB_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64 NB_VERSION="${PROJECT_VERSION}")

# nb_library(NAME folder SOURCES ... DEPENDS ...): the static library nb_NAME of one folder. What it
# DEPENDS on is what its sources may include; headers are named from the top, as in "base/status.h".
function(nb_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
    add_library(nb_${name} STATIC ${ARG_SOURCES})
    target_include_directories(nb_${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(nb_${name} PUBLIC ${ARG_DEPENDS})
endfunction()

# nb_program(NAME SOURCES ... DEPENDS ...): a program in bin/.
function(nb_program name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
    install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()
