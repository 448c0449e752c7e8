# Writes OUTPUT, a C file with the text of each document in this folder.
#   cmake -DOUTPUT=FILE -P documents.cmake
set(text "// Made by documents.cmake from the .yaml files in deploy/demo-album.\n#include \"deploy/demo-album/song.h\"\n")
foreach(document album last_bus_home neon_rain)
    string(REPLACE "_" "-" file ${document})
    file(READ ${CMAKE_CURRENT_LIST_DIR}/${file}.yaml bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(APPEND text "\nconst char nb_document_${document}[] = {${bytes}0};\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
