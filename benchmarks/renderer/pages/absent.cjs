// embedding-atlas needs Mosaic for its database view only, which is not measured here.
module.exports = {};
